// Facts of the machine and the process.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

namespace tcpfleet::sys {

// uname: for example "6.1.0-30-amd64".
std::string KernelRelease();

std::string HostName();

// RAM, bytes. Source: sysinfo(2).
uint64_t TotalMemoryBytes();

// Path of the running program's file. Source: /proc/self/exe.
absl::StatusOr<std::string> ProgramPath();

}  // namespace tcpfleet::sys
