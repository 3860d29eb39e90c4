#pragma once

#include <absl/strings/string_view.h>

#include <string>

namespace tcpfleet::controller {

// What a process is called: its name, or, as many have the same one, "java orders.jar", "java
// org.example.Main", "node server.js". `command_line`: its arguments joined by blanks, cut anywhere
// or empty when unknown; at most 64 bytes of it are used.
std::string ProgramName(absl::string_view comm, absl::string_view command_line);

}  // namespace tcpfleet::controller
