#include "controller/generate/proxy_plan.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "common/base/status_macros.h"
#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

// The shortest that is common: Apache httpd's KeepAliveTimeout and Node.js' keepAliveTimeout.
constexpr absl::Duration kShortKeepalive = absl::Seconds(5);
constexpr absl::Duration kLeastKeepalive = absl::Seconds(2);
// Of what is measured: the default of nginx. One connection may be open by an oversight.
constexpr absl::Duration kMostKeepalive = absl::Seconds(75);
constexpr uint64_t kClientKeepalive = 60;
constexpr uint64_t kLongerThanServers = 15;

constexpr uint64_t kDefaultSomaxconn = 4'096;  // since Linux 5.4
constexpr uint64_t kDefaultConnections = 10'000;
constexpr uint64_t kDefaultPorts = 28'232;   // 32768-60999
constexpr double kPortShare = 0.7;           // beyond it connect() slows down
constexpr uint64_t kSpareFiles = 100;        // listeners, checks, logs, libraries
constexpr uint64_t kFilesPerConnection = 2;  // one to the client, one to the back end
constexpr uint64_t kMostFiles = 1'048'576;
constexpr uint64_t kBytesPerConnection = 65'536;  // buffers of both sides, with TLS
constexpr uint64_t kMemoryPart = 4;

// Of the hosts where it is known, the smallest, and whose.
template <class Number>
std::optional<std::pair<uint64_t, std::string>> Least(absl::Span<const ProxyHost> hosts,
                                                      const Number& number) {
  std::optional<std::pair<uint64_t, std::string>> least;
  for (const ProxyHost& host : hosts) {
    const std::optional<uint64_t> value = number(host);
    if (value && (!least || *value < least->first)) least = {*value, host.name};
  }
  return least;
}

Reasoned PlanConnections(const ProxyWishes& wishes) {
  const auto ports = Least(wishes.hosts, [](const ProxyHost& host) { return host.ports; });
  const auto usable =
      static_cast<uint64_t>(kPortShare * static_cast<double>(ports ? ports->first : kDefaultPorts));
  Reasoned least{usable * wishes.backends.size(),
                 absl::StrCat("70 % of the source ports towards ", wishes.backends.size(),
                              wishes.backends.size() == 1 ? " back end" : " back ends",
                              ports ? absl::StrCat(" (", ports->second, ")")
                                    : std::string(" (default range)"))};
  const auto consider = [&](uint64_t value, const std::string& why) {
    if (value < least.value) least = {value, why};
  };
  if (const auto files = Least(wishes.hosts, [](const auto& host) { return host.most_files; })) {
    const uint64_t most = std::min(files->first, kMostFiles);
    consider(most > kSpareFiles ? (most - kSpareFiles) / kFilesPerConnection : 1,
             absl::StrCat("two descriptors each of the ", most, " a process may have (",
                          files->second, ")"));
  }
  if (const auto memory = Least(wishes.hosts, [](const auto& host) { return host.memory_bytes; })) {
    consider(memory->first / kMemoryPart / kBytesPerConnection,
             absl::StrCat("64 KiB each in a quarter of the memory (", memory->second, ")"));
  }
  if (wishes.hosts.empty()) {
    consider(kDefaultConnections, "default: the proxy's host was not measured (--proxies)");
  }
  least.value = std::max<uint64_t>(least.value, 1);
  return least;
}

Reasoned PlanBacklog(absl::Span<const ProxyHost> hosts) {
  const auto least = Least(hosts, [](const ProxyHost& host) { return host.somaxconn; });
  if (!least) {
    return {kDefaultSomaxconn, "net.core.somaxconn of Linux since 5.4; the kernel cuts off more"};
  }
  return {least->first,
          absl::StrCat("net.core.somaxconn of ", least->second,
                       least->first < kDefaultSomaxconn
                           ? absl::StrCat(", less than ", kDefaultSomaxconn, ": raise it first")
                           : std::string("; the kernel cuts off more"))};
}

struct Keepalive {
  absl::Duration time;
  std::string why;
};

// A connection that was seen idle for a time shows that its server waits that long at least.
Keepalive KeepaliveOf(const ProxyWishes& wishes) {
  if (wishes.backend_keepalive) {
    return {*wishes.backend_keepalive, "as --backend-keepalive says"};
  }
  std::optional<absl::Duration> least;
  const Backend* of = nullptr;
  for (const Backend& backend : wishes.backends) {
    if (!backend.longest_idle) return {kShortKeepalive, "default, the shortest common one"};
    if (!least || *backend.longest_idle < *least) {
      least = backend.longest_idle;
      of = &backend;
    }
  }
  if (!least || *least < kShortKeepalive) {
    return {kShortKeepalive, "default, the shortest common one"};
  }
  return {std::min(*least, kMostKeepalive),
          absl::StrCat("measured: connections of ", of->address.ToString(),
                       " were idle that long and open")};
}

}  // namespace

absl::StatusOr<ProxyPlan> PlanProxy(const ProxyWishes& wishes) {
  if (wishes.backends.empty()) return absl::InvalidArgumentError("there is no back end");
  TF_RETURN_IF_ERROR(CheckBackends(wishes.backends));
  const Keepalive keepalive = KeepaliveOf(wishes);
  if (keepalive.time < kLeastKeepalive) {
    return absl::InvalidArgumentError(
        "back ends that keep idle connections for less than 2s cannot be kept connected to");
  }
  ProxyPlan plan;
  plan.listen = wishes.listen;
  plan.backends = wishes.backends;
  plan.check_path = wishes.check_path;
  plan.connections = PlanConnections(wishes);
  plan.backlog = PlanBacklog(wishes.hosts);
  for (const ProxyHost& host : wishes.hosts) {
    if (plan.cpus == 0 || (host.cpus > 0 && host.cpus < plan.cpus)) plan.cpus = host.cpus;
  }
  const auto seconds = static_cast<uint64_t>(absl::ToInt64Seconds(keepalive.time));
  plan.server_idle = {std::max<uint64_t>(seconds - std::max<uint64_t>(seconds / 5, 1), 1),
                      absl::StrCat("given up before the back end does, after ", seconds, " s (",
                                   keepalive.why, ")")};
  plan.client_keepalive = {
      std::max(kClientKeepalive, plan.server_idle.value + kLongerThanServers),
      absl::StrCat("clients are kept longer than back ends, ", plan.server_idle.value, " s")};
  return plan;
}

bool HasNames(const ProxyPlan& plan) {
  return std::any_of(plan.backends.begin(), plan.backends.end(), [](const Backend& backend) {
    return !base::IpAddress::Parse(backend.address.host).ok();
  });
}

void ConfigText::Comment(const std::string& text, int depth) {
  absl::StrAppend(&text_, std::string(static_cast<size_t>(depth) * 4, ' '), "# ", Printable(text),
                  "\n");
}

void ConfigText::Line(int depth, const std::string& line, const std::string& why) {
  constexpr size_t kColumn = 48;  // of comments
  std::string text = absl::StrCat(std::string(static_cast<size_t>(depth) * 4, ' '), line);
  if (!why.empty()) {
    if (text.size() < kColumn) text.resize(kColumn, ' ');
    absl::StrAppend(&text, "  # ", Printable(why));
  }
  absl::StrAppend(&text_, text, "\n");
}

}  // namespace tcpfleet::controller
