// What a thread or a process has used.
#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

namespace tcpfleet::bench {

// Of the calling thread, nanoseconds.
double ThreadCpuNs();

// User and system time of the programs that this one started and that have ended, seconds.
double EndedChildrenCpuSeconds();

// User and system time in clock ticks, threads that ended included. Source: proc(5), stat.
absl::StatusOr<double> CpuTicks(pid_t pid);
double TicksPerSecond();

// Time on a CPU of the threads that live, microseconds: sees what is less than a tick. Source:
// kernel Documentation/scheduler/sched-stats.rst.
absl::StatusOr<double> LiveThreadsCpuMicroseconds(pid_t pid);

absl::StatusOr<double> Threads(pid_t pid);

// VmRSS, bytes.
absl::StatusOr<double> ResidentBytes(pid_t pid);

// Highest VmRSS so far, bytes.
absl::StatusOr<double> PeakResidentBytes(pid_t pid);

// Memory only this process holds and has written to, bytes. Source: proc(5), smaps_rollup.
absl::StatusOr<double> PrivateDirtyBytes(pid_t pid);

}  // namespace tcpfleet::bench
