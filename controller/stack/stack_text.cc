#include "controller/stack/stack_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/time.h>

#include <algorithm>
#include <string>

#include "common/base/ip_address.h"
#include "common/base/units.h"
#include "common/sysctl/value.h"
#include "controller/stack/sections.h"

namespace tcpfleet::controller {
namespace {

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() <= 0) return kUnknown;
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string TitleOf(const HostSubject& subject) {
  std::string title = absl::StrCat(subject.host.name(), ": ", TimeText(subject.now.time()));
  const v1::DescribeResponse& host = subject.host.host();
  if (!host.kernel().empty()) absl::StrAppend(&title, ", kernel ", host.kernel());
  if (subject.now.host().cpus() > 0) {
    absl::StrAppend(&title, ", ", subject.now.host().cpus(),
                    subject.now.host().cpus() == 1 ? " CPU" : " CPUs");
  }
  if (subject.now.host().uptime_seconds() > 0) {
    absl::StrAppend(&title, ", up ",
                    base::FormatAge(absl::Seconds(subject.now.host().uptime_seconds())));
  }
  return title;
}

void PrintMissing(const v1::KernelSnapshot& snapshot, uint64_t network_namespace,
                  StackLines& lines) {
  for (const v1::MissingSource& missing : snapshot.missing()) {
    if (missing.network_namespace() != network_namespace) continue;
    lines.Labelled(kUnknown, absl::StrCat(missing.source(), ": ", missing.why()));
  }
}

}  // namespace

std::optional<std::vector<int64_t>> ParameterOf(const v1::StackHost& host, const char* key) {
  const auto found = std::find_if(host.sysctls().begin(), host.sysctls().end(),
                                  [&](const v1::Sysctl& sysctl) { return sysctl.key() == key; });
  if (found == host.sysctls().end() || !found->has_value()) return std::nullopt;
  return sysctl::ParseNumbers(found->value());
}

std::string StackOwner(const v1::SocketOwner& owner) {
  return owner.pid() == 0 ? "-" : absl::StrCat(owner.comm(), "[", owner.pid(), "]");
}

std::string StackEndpoint(const std::string& address, uint32_t port) {
  const auto parsed = base::IpAddress::Parse(address);
  return parsed.ok() ? base::Endpoint{*parsed, static_cast<uint16_t>(port)}.ToString()
                     : absl::StrCat(address.empty() ? "*" : address, ":", port);
}

void PrintStackHost(std::ostream& out, const v1::StackHost& host, const StackLayout& layout) {
  const HostSubject subject{host, LatestOf(host), IntervalOf(host)};
  StackLines lines(out, layout.width, layout.color);
  lines.Title(TitleOf(subject));
  if (subject.interval.known()) {
    lines.Labelled("interval", absl::StrFormat("%.1f s", subject.interval.seconds));
  } else if (!subject.interval.why_not.empty()) {
    lines.Labelled("interval", "no rates", subject.interval.why_not);
  }
  PrintHostSection(subject, lines);
  PrintMissing(subject.now, 0, lines);
  for (const v1::NamespaceStatistics& one : subject.now.namespaces()) {
    const NamespaceSubject of{subject, one, BeforeOf(one, host),
                              &one == &subject.now.namespaces(0)};
    if (subject.now.namespaces_size() > 1) {
      lines.Title(absl::StrCat(host.name(), ", network namespace ",
                               one.name().empty() ? "" : absl::StrCat(one.name(), ", "), "inode ",
                               one.network_namespace()));
    }
    PrintSocketSection(of, lines);
    PrintCounterSection(of, lines);
    PrintNetworkSection(of, lines);
    if (one.network_namespace() != 0) PrintMissing(subject.now, one.network_namespace(), lines);
  }
}

}  // namespace tcpfleet::controller
