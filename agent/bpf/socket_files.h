// The stream sockets of IPv4 and IPv6 that processes have open, by a BPF iterator over the files of
// all processes that the PID namespace of this one sees.
//
// Costs:   CPU, 0.3 to 0.5 us per socket, some 0.05 us per other file. The first call in a process
//          loads the program: 15 to 40 ms, and for that time 12 MB.
// Threads: OpenSocketFiles from any; one list is for one thread.
// Errors:  PermissionDenied (needs CAP_BPF and CAP_PERFMON), Unimplemented (needs Linux 5.11 with
//          BTF), FailedPrecondition (/proc is of another PID namespace): kept as long as the
//          process lives. Others when a descriptor, or the kernel's memory, is not to be had.
// Bounds:  kMostAtOnce files per call. Keeps one descriptor, and one per list.
// Source:  kernel/bpf/task_iter.c; Documentation/bpf/bpf_iterators.rst.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tcpfleet::agent {

// As socket_files.bpf.c writes it.
struct SocketFile {
  uint64_t inode;
  uint32_t pid;  // as /proc has it; 0 when the process ended meanwhile
  uint32_t unused;
};

class SocketFiles {
 public:
  static constexpr size_t kMostAtOnce = 256;

  virtual ~SocketFiles() = default;
  // The next ones, by ascending thread, valid until the next call; empty at the end. A process has
  // a socket several times when it duplicated the descriptor, or has threads with files of their
  // own.
  virtual absl::StatusOr<absl::Span<const SocketFile>> Next() = 0;
};

absl::StatusOr<std::unique_ptr<SocketFiles>> OpenSocketFiles();

}  // namespace tcpfleet::agent
