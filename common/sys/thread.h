// Scheduling and accounting of the calling thread, and of its process.
#pragma once

#include <cstdint>

namespace tcpfleet::sys {

// Sets the nice value of this thread alone; a refusal changes nothing. Source: setpriority(2), "C
// library/kernel differences".
void LowerThreadPriority(int nice);

// How late timed waits of this thread may be on purpose; the default is 50 us. Source:
// PR_SET_TIMERSLACK.
void SetTimerSlack(int64_t slack_ns);

// User and system time of this thread.
int64_t ThreadCpuNs();
// Of the whole process.
int64_t ProcessCpuNs();

// CPUs this thread may run on, at least 1.
uint32_t AllowedCpus();

}  // namespace tcpfleet::sys
