// Finds the processes that own sockets: a scan of /proc/*/fd that runs only while somebody asks for
// an unknown socket, in pieces, likely processes first.
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
//          bytes; between calls at most one /proc/PID/fd stays open.
// Source:  proc(5).
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/sockets/process_text.h"
#include "common/base/clock.h"
#include "common/sockets/connection_sample.h"
#include "common/sys/directory.h"
#include "tcpfleet/v1/host.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostAsked = size_t{1} << 20;

class SocketOwners {
 public:
  // `clock` must outlive this.
  explicit SocketOwners(const base::Clock* clock, std::string proc_root = "/proc");

  // The owner of a socket inode, told once; null while it is unknown, and for inode 0. Search looks
  // for it as long as somebody goes on asking between its calls.
  std::shared_ptr<const sockets::Process> Find(uint64_t inode);

  // Looks for what was asked, for about `budget` at most; the next call goes on from there. False
  // when it has found all there is to find now. Costs a look at the clock when no socket is due.
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
  void EndPass();
  bool SearchProcess(int64_t deadline_ns);
  bool Take(uint64_t inode);
  void LeaveProcess();
  std::shared_ptr<const sockets::Process> ReadProcess();

  const base::Clock* const clock_;
  const std::string proc_root_;
  int64_t now_ns_ = 0;  // of the last Search

  absl::flat_hash_map<uint64_t, Asked> asked_;  // by inode
  size_t due_ = 0;                              // of them
  uint64_t sweep_ = 0;
  int64_t swept_at_ns_ = 0;

  // One pass looks through all processes there were at its start.
  uint64_t pass_ = 0;
  std::vector<uint32_t> pids_;                       // left to look through, the next one last
  std::optional<sys::Directory> files_;              // of pids_.back(), when begun
  std::shared_ptr<const sockets::Process> process_;  // pids_.back(), when it was needed
  absl::flat_hash_map<uint32_t, Known> known_;  // by pid; as long as a socket's row refers to it
};

}  // namespace tcpfleet::agent
