// A process with sockets, for tests that look for their owners.
//
//   socket_holder hold COUNT    listens COUNT times; prints the inodes, then "ready"; until killed
//   socket_holder ask [INODE]   prints "PID WHO WHOM": its own number, what the kernel's list of
//                               files names as the owner of a socket, by default its own (or why
//                               there is none), and what SocketOwners does, or 0
#include <absl/strings/numbers.h>
#include <absl/strings/string_view.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "agent/bpf/socket_files.h"
#include "agent/sockets/socket_owners.h"
#include "common/base/clock.h"
#include "common/sys/tcp_listener.h"

namespace tcpfleet::agent {
namespace {

uint64_t InodeOf(const sys::UniqueFd& fd) {
  struct stat status {};
  return ::fstat(fd.get(), &status) == 0 ? status.st_ino : 0;
}

int Hold(uint64_t count) {
  std::vector<sys::UniqueFd> listeners;
  for (uint64_t i = 0; i < count; ++i) {
    listeners.push_back(sys::ListenTcp(0, 1).value());
    std::printf("%llu\n", static_cast<unsigned long long>(InodeOf(listeners.back())));
  }
  std::printf("ready\n");
  std::fflush(stdout);
  for (;;) ::pause();
}

std::string OwnerInList(uint64_t inode) {
  const absl::StatusOr<std::unique_ptr<SocketFiles>> list = OpenSocketFiles();
  if (!list.ok()) return std::string(list.status().message());
  for (;;) {
    const absl::Span<const SocketFile> files = (*list)->Next().value();
    if (files.empty()) return "nobody";
    for (const SocketFile& file : files) {
      if (file.inode == inode) return std::to_string(file.pid);
    }
  }
}

int Ask(uint64_t inode) {
  const sys::UniqueFd listener = sys::ListenTcp(0, 1).value();
  if (inode == 0) inode = InodeOf(listener);
  const base::SystemClock clock;
  SocketOwners owners(&clock);
  owners.Find(inode);
  owners.Search(absl::Seconds(10));
  const std::shared_ptr<const sockets::Process> owner = owners.Find(inode);
  std::printf("%d %s %d\n", ::getpid(), OwnerInList(inode).c_str(),
              owner == nullptr ? 0 : static_cast<int>(owner->pid));
  return 0;
}

}  // namespace
}  // namespace tcpfleet::agent

int main(int argc, char** argv) {
  uint64_t number = 0;
  const absl::string_view task = argc > 1 ? argv[1] : "";
  const bool has_number = argc == 3 && absl::SimpleAtoi(argv[2], &number);
  if (task == "hold" && has_number) return tcpfleet::agent::Hold(number);
  if (task == "ask" && (argc == 2 || has_number)) return tcpfleet::agent::Ask(number);
  std::fprintf(stderr, "usage: socket_holder hold COUNT | ask [INODE]\n");
  return 2;
}
