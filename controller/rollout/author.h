#pragma once

#include <string>

namespace tcpfleet::controller {

// Who runs this program, for logs: "ann@console1".
std::string Author();

// 32 random hexadecimal digits.
std::string NewHolder();

}  // namespace tcpfleet::controller
