#include "controller/generate/backend.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <set>

#include "common/base/status_macros.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kLongestName = 253;  // RFC 1035
constexpr size_t kLongestLabel = 63;
constexpr size_t kLongestPath = 256;

absl::Status CheckHost(const std::string& host) {
  const absl::Status bad = absl::InvalidArgumentError(
      absl::StrCat("'", Printable(host), "' is neither an address nor a host name"));
  if (base::IpAddress::Parse(host).ok()) return absl::OkStatus();
  // Four numbers that are no address would be looked up as a name.
  const std::vector<absl::string_view> labels = absl::StrSplit(host, '.');
  if (host.size() > kLongestName || absl::ascii_isdigit(static_cast<unsigned char>(
                                        labels.back().empty() ? '0' : labels.back()[0]))) {
    return bad;
  }
  for (const absl::string_view label : labels) {
    if (label.empty() || label.size() > kLongestLabel || label.front() == '-' ||
        label.back() == '-' || !std::all_of(label.begin(), label.end(), [](unsigned char c) {
          return absl::ascii_isalnum(c) || c == '-' || c == '_';
        })) {
      return bad;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Backend>> ParseBackends(absl::string_view list) {
  const absl::StatusOr<std::vector<std::string>> texts = ExpandHostList(list);
  if (!texts.ok()) return absl::InvalidArgumentError(Printable(texts.status().message()));
  std::vector<Backend> backends;
  for (const std::string& text : *texts) {
    TF_ASSIGN_OR_RETURN(base::HostPort address, base::ParseHostPort(text, 0));
    TF_RETURN_IF_ERROR(CheckHost(address.host));
    backends.push_back({std::move(address)});
  }
  TF_RETURN_IF_ERROR(CheckBackends(backends));
  return backends;
}

absl::Status CheckBackends(absl::Span<const Backend> backends) {
  if (backends.size() > kMostBackends) {
    return absl::InvalidArgumentError(
        absl::StrCat(backends.size(), " back ends, at most ", kMostBackends, " can be written"));
  }
  std::set<std::string> seen;
  for (const Backend& backend : backends) {
    TF_RETURN_IF_ERROR(CheckHost(backend.address.host));
    if (backend.address.port == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("back end ", backend.address.host, " has no port"));
    }
    if (!seen.insert(absl::AsciiStrToLower(backend.address.ToString())).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("back end ", backend.address.ToString(), " is there twice"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ListenAddress> ParseListen(absl::string_view text) {
  const absl::Status bad = absl::InvalidArgumentError(absl::StrCat(
      "'", Printable(text), "' is not [ADDRESS]:PORT: write :80, 10.0.0.1:80 or [::]:80"));
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return bad;
  ListenAddress listen;
  uint32_t port = 0;
  const absl::string_view digits = text.substr(colon + 1);
  if (!std::all_of(digits.begin(), digits.end(),
                   [](unsigned char c) { return absl::ascii_isdigit(c); }) ||
      !absl::SimpleAtoi(digits, &port) || port == 0 || port > 65'535) {
    return bad;
  }
  listen.port = static_cast<uint16_t>(port);
  absl::string_view host = text.substr(0, colon);
  if (host.empty()) return listen;
  const bool bracketed = host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = base::IpAddress::Parse(host);
  if (!address.ok() || address->is_v4() == bracketed) return bad;
  listen.address = *address;
  return listen;
}

absl::Status CheckPath(absl::string_view path) {
  if (path.empty() || path.front() != '/' || path.size() > kLongestPath ||
      !std::all_of(path.begin(), path.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || absl::StrContains("/-._~&+,=:@?", static_cast<char>(c));
      })) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", Printable(path), "' is no path such as /health"));
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
