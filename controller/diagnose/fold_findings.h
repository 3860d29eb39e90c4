#pragma once

#include <vector>

#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

// Findings of which the same can be said become one with all their hosts, evidence and sockets;
// then the worst come first. Processes of one name are the same thing on different hosts: where
// they differ in nothing but their pid, the subject does without it.
std::vector<v1::Finding> FoldFindings(std::vector<v1::Finding> findings);

}  // namespace tcpfleet::controller
