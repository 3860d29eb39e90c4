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

// CLOCK_BOOTTIME: goes on while the host is suspended.
int64_t BoottimeNs();

uint32_t PageBytes();

// CPUs that are online, at least 1.
uint32_t OnlineCpus();

// Path of the running program's file. Source: /proc/self/exe.
absl::StatusOr<std::string> ProgramPath();

}  // namespace tcpfleet::sys
