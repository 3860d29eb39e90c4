#include "controller/rollout/change_notes.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/sysctl/value.h"

namespace tcpfleet::controller {
namespace {

struct Caution {
  absl::string_view key;
  absl::string_view text;
};

constexpr Caution kCautions[] = {
    {"net/core/somaxconn", "servers keep the old limit until they listen again"},
    {"net/core/default_qdisc", "interfaces that are up keep their queue"},
    {"net/ipv4/ip_forward", "resets accept_redirects and others of every interface"},
    {"net/ipv4/tcp_congestion_control", "open connections keep theirs"},
    {"net/ipv4/tcp_keepalive_time", "only sockets with SO_KEEPALIVE have it"},
};

const char* DirectionOf(const v1::SysctlChange& change) {
  if (change.old_value() == change.new_value()) return "persists";
  const std::optional<std::vector<int64_t>> before = sysctl::ParseNumbers(change.old_value());
  const std::optional<std::vector<int64_t>> after = sysctl::ParseNumbers(change.new_value());
  if (!before || !after || before->size() != after->size()) return "changes";
  const auto none = [&](auto moved) {
    return std::equal(before->begin(), before->end(), after->begin(),
                      [&](int64_t from, int64_t to) { return !moved(from, to); });
  };
  if (none([](int64_t from, int64_t to) { return to < from; })) return "raises";
  if (none([](int64_t from, int64_t to) { return to > from; })) return "lowers";
  return "changes";
}

const char* ScopeName(v1::Sysctl::Scope scope) {
  switch (scope) {
    case v1::Sysctl::SCOPE_NETWORK_NAMESPACE:
      return "network namespace";
    case v1::Sysctl::SCOPE_HOST:
      return "host";
    default:
      return "unknown";
  }
}

bool IsLowered(const v1::SysctlChange& change) {
  return absl::string_view(DirectionOf(change)) == "lowers";
}

// Source: net/ipv4/sysctl_net_ipv4.c: the port range must not begin below the unprivileged ports.
int Turn(const v1::SysctlChange& change) {
  const absl::string_view key = change.key();
  if (key == "net/ipv4/ip_forward" || absl::EndsWith(key, "/forwarding")) return 0;
  if (key == "net/ipv4/ip_unprivileged_port_start") return IsLowered(change) ? 1 : 4;
  if (key == "net/ipv4/tcp_mem" || key == "net/ipv4/udp_mem") return 5;
  const std::optional<std::vector<int64_t>> numbers = sysctl::ParseNumbers(change.new_value());
  return numbers && numbers->size() > 1 ? 3 : 2;
}

}  // namespace

v1::PlannedChange NoteOn(const v1::SysctlChange& change, const v1::Sysctl& sysctl) {
  v1::PlannedChange note;
  note.set_key(change.key());
  note.set_direction(DirectionOf(change));
  note.set_scope(ScopeName(sysctl.scope()));
  if (sysctl.at_boot().has_winner()) {
    const v1::SysctlSetting& winner = sysctl.at_boot().winner();
    note.set_set_by(absl::StrCat(winner.file(), ":", winner.line()));
  }
  for (const Caution& caution : kCautions) {
    if (caution.key == change.key() && change.old_value() != change.new_value()) {
      note.add_cautions(std::string(caution.text));
    }
  }
  return note;
}

std::tuple<int, std::string> WritingOrder(const v1::SysctlChange& change) {
  return {Turn(change), change.key()};
}

}  // namespace tcpfleet::controller
