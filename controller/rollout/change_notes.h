// What there is to know about a change, and when it is its turn. Pure.
#pragma once

#include <string>
#include <tuple>

#include "tcpfleet/v1/sysctl.pb.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

// Everything but the reason.
v1::PlannedChange NoteOn(const v1::SysctlChange& change, const v1::Sysctl& sysctl);

// Sorts changes as they have to be written: forwarding first, because it resets other keys; limits
// before what they limit; vectors after single values; memory of all of TCP last.
std::tuple<int, std::string> WritingOrder(const v1::SysctlChange& change);

}  // namespace tcpfleet::controller
