#include "agent/load/workloads/http_request.h"

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <algorithm>

#include "common/base/status_macros.h"
#include "common/base/version.h"

namespace tcpfleet::agent {
namespace {

// tchar of RFC 9110, section 5.6.2.
bool IsToken(absl::string_view text) {
  constexpr absl::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(kMarks, c);
  });
}

bool IsPrintable(char c) { return c > 0x20 && c < 0x7f; }

// What can stand in a field value: neither an end of line nor another control character.
bool IsFieldText(absl::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return c != '\t' && absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
}

absl::string_view NameOf(absl::string_view header) { return header.substr(0, header.find(':')); }

bool Has(const v1::HttpRequest& request, absl::string_view name) {
  return std::any_of(request.headers().begin(), request.headers().end(), [&](const auto& header) {
    return absl::EqualsIgnoreCase(NameOf(header), name);
  });
}

absl::Status CheckHeader(absl::string_view header) {
  const absl::string_view name = NameOf(header);
  if (name.size() == header.size() || !IsToken(name) || !IsFieldText(header)) {
    return absl::InvalidArgumentError(absl::StrCat("http header \"", absl::CHexEscape(header),
                                                   "\" must be one line \"Name: value\""));
  }
  if (absl::EqualsIgnoreCase(name, "Content-Length") ||
      absl::EqualsIgnoreCase(name, "Transfer-Encoding")) {
    return absl::InvalidArgumentError(
        absl::StrCat("http header ", name, " announces a body; give the whole request instead"));
  }
  return absl::OkStatus();
}

std::string HostOf(const v1::HttpRequest& request, const v1::Target& target) {
  if (!request.host().empty()) return request.host();
  const bool is_ipv6 = absl::StrContains(target.host(), ':');
  const std::string host = is_ipv6 ? absl::StrCat("[", target.host(), "]") : target.host();
  return target.port() == 80 ? host : absl::StrCat(host, ":", target.port());
}

std::string HttpRequestBytes(const v1::HttpRequest& request, const v1::Target& target) {
  const std::string method = request.method().empty() ? "GET" : request.method();
  std::string bytes = absl::StrCat(method, " ", request.path(), " HTTP/1.1\r\n");
  if (!Has(request, "Host")) absl::StrAppend(&bytes, "Host: ", HostOf(request, target), "\r\n");
  if (!Has(request, "User-Agent")) {
    absl::StrAppend(&bytes, "User-Agent: tcpfleet/", base::Version(), "\r\n");
  }
  // Methods that usually bring a body say that they bring none.
  if (method == "POST" || method == "PUT" || method == "PATCH") {
    absl::StrAppend(&bytes, "Content-Length: 0\r\n");
  }
  for (const std::string& header : request.headers()) absl::StrAppend(&bytes, header, "\r\n");
  absl::StrAppend(&bytes, "\r\n");
  return bytes;
}

}  // namespace

absl::Status CheckHttpRequest(const v1::HttpRequest& request) {
  if (!request.method().empty() && !IsToken(request.method())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "http method \"", absl::CHexEscape(request.method()), "\" must be a word such as GET"));
  }
  if (request.method() == "CONNECT") {
    return absl::InvalidArgumentError("http method CONNECT leaves HTTP; use another one");
  }
  const std::string& path = request.path();
  if (path.empty() || path[0] != '/' || !std::all_of(path.begin(), path.end(), IsPrintable)) {
    return absl::InvalidArgumentError(
        absl::StrCat("http path \"", absl::CHexEscape(path),
                     "\" must begin with '/' and be printable ASCII without spaces"));
  }
  const std::string& host = request.host();
  if (!std::all_of(host.begin(), host.end(), IsPrintable)) {
    return absl::InvalidArgumentError(absl::StrCat("http host \"", absl::CHexEscape(host),
                                                   "\" must be a name or address, and port"));
  }
  for (const std::string& header : request.headers()) {
    TF_RETURN_IF_ERROR(CheckHeader(header));
  }
  return absl::OkStatus();
}

std::string RequestBytes(const v1::StressSpec& spec, const v1::Target& target) {
  return spec.has_http() ? HttpRequestBytes(spec.http(), target) : spec.request();
}

}  // namespace tcpfleet::agent
