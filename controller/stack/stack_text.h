// `stack` as text: what each part of a host's network stack is doing, and beside a number that
// would worry an engineer the reason. Pure.
#pragma once

#include <ostream>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

struct StackLayout {
  int width = 0;  // of the terminal; 0: no limit
  bool color = false;
};

// With `last`: that one, and what moved since `first`.
void PrintStackHost(std::ostream& out, const v1::StackHost& host, const StackLayout& layout);

}  // namespace tcpfleet::controller
