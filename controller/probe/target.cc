#include "controller/probe/target.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/sys/resolve.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kLongestName = 253;  // RFC 1035, without the last dot

// A misspelled service is most likely one of these.
const std::vector<std::string>& UsualServices() {
  static const auto& services = *new std::vector<std::string>{
      "http",  "https", "ssh",  "smtp",  "imap",  "imaps",     "pop3s", "ldap",
      "ldaps", "mysql", "amqp", "redis", "nfs",   "http-alt",  "ftp",   "domain",
      "ntp",   "snmp",  "mqtt", "epmd",  "rsync", "postgresql"};
  return services;
}

bool IsName(absl::string_view host) {
  return host.size() <= kLongestName && std::all_of(host.begin(), host.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' ||
                  c == '_';
         });
}

// "[fe80::1%eth0]" or "[fe80::1]".
bool IsLinkLocal(absl::string_view host) {
  static const base::IpNetwork link_local = *base::IpNetwork::Parse("fe80::/10");
  if (!absl::ConsumePrefix(&host, "[") || !absl::ConsumeSuffix(&host, "]")) return false;
  const absl::StatusOr<base::IpAddress> address =
      base::IpAddress::Parse(host.substr(0, host.find('%')));
  return address.ok() && link_local.Contains(*address);
}

// What somebody who pastes "https://web1/x" meant is "web1:443".
absl::Status RefuseUrl(absl::string_view text, size_t scheme_end) {
  const absl::string_view rest = text.substr(scheme_end + 3);
  const std::string host(rest.substr(0, rest.find_first_of("/?#")));
  const bool is_http = absl::EqualsIgnoreCase(text.substr(0, scheme_end), "http");
  const bool has_port = base::ParseHostPort(host, 0).ok();
  return absl::InvalidArgumentError(absl::StrCat("'", text, "' is a URL, not HOST:PORT: write ",
                                                 host,
                                                 has_port  ? ""
                                                 : is_http ? ":80"
                                                           : ":443"));
}

absl::StatusOr<uint16_t> PortOf(absl::string_view text) {
  const bool is_number = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  uint32_t number = 0;
  if (is_number) {
    if (absl::SimpleAtoi(text, &number) && number >= 1 && number <= 65'535) {
      return static_cast<uint16_t>(number);
    }
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a port: it must be 1 to 65535"));
  }
  const std::string name(text);
  const absl::StatusOr<uint16_t> service = sys::ResolveService(name);
  if (service.ok()) return service;
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' is neither a port nor a service",
                                                 base::DidYouMean(name, UsualServices())));
}

}  // namespace

absl::StatusOr<ProbeTarget> ParseProbeTarget(absl::string_view text) {
  if (const size_t scheme_end = text.find("://"); scheme_end != absl::string_view::npos) {
    return RefuseUrl(text, scheme_end);
  }
  const absl::Status bad = absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not HOST:PORT: write for example db1:5432, or [2001:db8::1]:443"));
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || colon + 1 == text.size()) return bad;
  if (IsLinkLocal(text.substr(0, colon))) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text,
                     "': a link-local address is another host on each link; write one that all "
                     "agents reach, as [2001:db8::1]:443, or a name"));
  }
  // Ports may have names, which ParseHostPort does not know.
  const absl::StatusOr<base::HostPort> host =
      base::ParseHostPort(absl::StrCat(text.substr(0, colon), ":1"), 0);
  if (!host.ok()) return bad;
  if (!base::IpAddress::Parse(host->host).ok() && !IsName(host->host)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", host->host, "' is neither an address nor a host name"));
  }
  TF_ASSIGN_OR_RETURN(const uint16_t port, PortOf(text.substr(colon + 1)));
  return ProbeTarget{std::string(text), host->host, port};
}

}  // namespace tcpfleet::controller
