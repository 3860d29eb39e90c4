#include "agent/kernel/settings.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/str_split.h>

#include <array>
#include <vector>

#include "common/sys/directory.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kMostKeys = 256;
constexpr size_t kMostBytes = 256;
constexpr char kTcpDirectory[] = "net/ipv4";

constexpr std::array kOtherFiles = {
    "net/ipv4/ip_local_port_range",
    "net/ipv4/ip_local_reserved_ports",
    "net/ipv4/ip_autobind_reuse",
    "net/core/somaxconn",
    "net/core/netdev_max_backlog",
    "net/core/netdev_budget",
    "net/core/netdev_budget_usecs",
    "net/core/rmem_default",
    "net/core/rmem_max",
    "net/core/wmem_default",
    "net/core/wmem_max",
    "net/core/optmem_max",
    "net/core/default_qdisc",
    "net/core/busy_poll",
    "net/core/busy_read",
    "net/netfilter/nf_conntrack_max",
    "net/netfilter/nf_conntrack_buckets",
    "fs/nr_open",
    "fs/file-max",
};

class SettingsReader {
 public:
  explicit SettingsReader(const sys::Directory& root) : root_(root) {}

  void Read(const std::string& path) {
    if (settings_.size() == kMostKeys) return;
    // One byte more than may be: a longer value shows.
    const absl::StatusOr<std::string> text = root_.ReadStart(path.c_str(), kMostBytes + 1);
    if (!text.ok() || text->size() > kMostBytes) return;
    const std::vector<absl::string_view> words =
        absl::StrSplit(*text, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
    settings_[absl::StrReplaceAll(path, {{"/", "."}})] = absl::StrJoin(words, " ");
  }

  std::map<std::string, std::string> Take() { return std::move(settings_); }

 private:
  const sys::Directory& root_;
  std::map<std::string, std::string> settings_;
};

}  // namespace

std::map<std::string, std::string> ReadTcpSettings(const std::string& root) {
  const absl::StatusOr<sys::Directory> base = sys::Directory::Open(root);
  if (!base.ok()) return {};
  SettingsReader reader(*base);
  for (const char* path : kOtherFiles) reader.Read(path);
  absl::StatusOr<sys::Directory> directory =
      sys::Directory::Open(absl::StrCat(root, "/", kTcpDirectory));
  sys::Directory::Entry entry;
  while (directory.ok() && directory->Next(entry)) {
    const absl::string_view name = entry.name;
    if (!absl::StartsWith(name, "tcp_") || name == "tcp_fastopen_key") continue;
    reader.Read(absl::StrCat(kTcpDirectory, "/", name));
  }
  return reader.Take();
}

}  // namespace tcpfleet::agent
