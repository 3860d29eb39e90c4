// Finds the processes that own sockets: passes through all of their files, made only while somebody
// asks for an unknown socket, in pieces. The kernel's own list is gone through where BPF is
// permitted, 0.5 us per socket; else /proc/*/fd, 3 us per file, likely processes first.
//
//   owner = owners.Find(inode);               // per poll: for every socket whose owner is unknown,
//   owners.Search(absl::Milliseconds(5));     // then once,
//   owner = owners.Find(inode);               // then again for those that were null
//
// A socket that processes share is said to be of the one found first, mostly the lowest pid, and of
// pid 1 only if nobody else has it (socket activation). A socket nobody is seen to own (another
// user's, of another PID namespace, in flight over a Unix socket) is looked for again after 1 s,
// 2 s, 4 s and so on up to 5 min.
//
// Threads: not thread-safe, but for Describe.
// Errors:  none; what cannot be read is unknown. Describe tells why.
// Bounds:  kMostAsked inodes, others stay unknown; command lines end after kLongestCommandLine
//          bytes; between calls at most one descriptor stays open.
// Source:  proc(5).
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/bpf/socket_files.h"
#include "agent/sockets/process_text.h"
#include "common/base/clock.h"
#include "common/sockets/connection_sample.h"
#include "common/sys/directory.h"
#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostAsked = size_t{1} << 20;

class SocketOwners {
 public:
  using OpenFiles = std::function<absl::StatusOr<std::unique_ptr<SocketFiles>>()>;

  // `clock` must outlive this.
  explicit SocketOwners(const base::Clock* clock, const std::string& proc_root = "/proc");
  // `open_files` names processes as `proc_root` does; may be null.
  SocketOwners(const base::Clock* clock, std::string proc_root, OpenFiles open_files);

  // The owner of a socket inode, told once; null while it is unknown, and for inode 0. Search looks
  // for it as long as somebody goes on asking between its calls.
  std::shared_ptr<const sockets::Process> Find(uint64_t inode);

  // Looks for what was asked, for about `budget` at most; the next call goes on from there. False
  // when it has found all there is to find now. Costs a look at the clock when no socket is due.
  // The first in a process also loads the BPF program (socket_files.h).
  bool Search(absl::Duration budget);

  // Collector "processes": how many processes keep their sockets to themselves, and what would
  // help. Looks at every process, so not for every poll.
  static v1::Collector Describe(const std::string& proc_root = "/proc");

 private:
  struct Asked {
    std::shared_ptr<const sockets::Process> owner;
    uint64_t last_ask = 0;    // sweep_ at that time
    uint64_t since_pass = 0;  // passes after this one look everywhere for it
    int64_t retry_at_ns = 0;  // while it is not due
    int64_t retry_after_ns = 0;
    bool is_due = false;
  };
  struct Known {
    std::weak_ptr<const sockets::Process> process;
    uint64_t last_pass = 0;  // in which it owned something
  };

  void Sweep();
  void StartPass();
  void ListLikelyLast();
  void EndPass();
  bool ReadFiles(int64_t deadline_ns);
  void Take(uint64_t inode, uint32_t pid);
  bool SearchProcesses(int64_t deadline_ns);
  bool SearchProcess(int64_t deadline_ns);
  void LeaveProcess();
  Asked* FindDue(uint64_t inode);
  void Own(Asked& asked);
  std::shared_ptr<const sockets::Process> ReadProcess(uint32_t pid, const sys::Directory& from,
                                                      const std::string& to_process);

  const base::Clock* const clock_;
  const std::string proc_root_;
  const OpenFiles open_files_;
  int64_t now_ns_ = 0;  // of the last Search

  absl::flat_hash_map<uint64_t, Asked> asked_;  // by inode
  size_t due_ = 0;                              // of them
  uint64_t sweep_ = 0;
  int64_t swept_at_ns_ = 0;

  uint64_t pass_ = 0;
  std::shared_ptr<const sockets::Process> process_;  // looked through, when it was needed
  // A pass through the kernel's list.
  std::unique_ptr<SocketFiles> list_;
  uint32_t list_pid_ = 0;          // whose process_ is
  std::vector<uint64_t> of_init_;  // due, and of pid 1 unless another one has them
  // A pass through all processes there were at its start.
  std::vector<uint32_t> pids_;                  // left to look through, the next one last
  std::optional<sys::Directory> files_;         // of pids_.back(), when begun
  absl::flat_hash_map<uint32_t, Known> known_;  // by pid; as long as a socket's row refers to it
};

}  // namespace tcpfleet::agent
