// What is sent, and what our servers do with it.
#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "controller/stress/option_parts.h"

namespace tcpfleet::controller {
namespace {

using Spec = v1::StressSpec;

constexpr size_t kMostMessageBytes = 1 << 20;
constexpr size_t kMostWriteBytes = 16 << 20;
constexpr size_t kMostDelimiterBytes = 256;
constexpr size_t kMostPathBytes = 8'192;
constexpr size_t kMostHeaders = 64;
constexpr int kDefaultDeadBeats = 3;

absl::StatusOr<std::string> Unescaped(absl::string_view option, absl::string_view text,
                                      size_t most) {
  std::string bytes;
  std::string error;
  if (!absl::CUnescape(text, &bytes, &error)) {
    return absl::InvalidArgumentError(absl::StrCat(option, ": '", text, "': ", error,
                                                   "; escapes are those of C: \\r \\n \\x00 \\\\"));
  }
  if (bytes.empty() || bytes.size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": must be 1 to ", most, " bytes, not ", bytes.size()));
  }
  return bytes;
}

absl::StatusOr<std::string> RequestBytes(absl::string_view text) {
  if (!absl::StartsWith(text, "@")) return Unescaped("--request", text, kMostMessageBytes);
  const std::string path(text.substr(1));
  absl::StatusOr<std::string> content = sys::ReadFile(path, kMostMessageBytes);
  if (!content.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--request: ", content.status().message()));
  }
  if (content->empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--request: ", path, " is empty"));
  }
  return content;
}

absl::Status CheckHttpPath(const std::string& path) {
  const bool clean = std::all_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (!path.empty() && path[0] == '/' && clean && path.size() <= kMostPathBytes) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--http: '", path, "' is not a path such as /index.html; the host is that of --target"));
}

absl::Status AddHttpHeader(const std::string& header, v1::HttpRequest& request) {
  const size_t colon = header.find(':');
  const absl::string_view name = absl::string_view(header).substr(0, colon);
  const bool is_token = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_isalnum(byte) || absl::StrContains("!#$%&'*+-.^_`|~", c);
  });
  const bool is_one_line = std::none_of(header.begin(), header.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\t';
  });
  if (colon == std::string::npos || !is_token || !is_one_line || header.size() > kMostPathBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("--http-header: '", header, "' is not one line of the form Name: value"));
  }
  request.add_headers(header);
  return absl::OkStatus();
}

absl::Status ParseHttp(const StressArguments& arguments, Spec& spec) {
  if (arguments.http.empty() && !arguments.http_headers.empty()) {
    return absl::InvalidArgumentError("--http-header: needs --http PATH");
  }
  if (arguments.http.empty()) return absl::OkStatus();
  for (const auto& [option, text] :
       {std::pair<absl::string_view, const std::string*>{"--request", &arguments.request},
        {"--response-until", &arguments.response_until},
        {"--request-bytes", &arguments.request_bytes},
        {"--response-bytes", &arguments.response_bytes}}) {
    if (!text->empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(option, ": --http says itself what is sent and how a response ends"));
    }
  }
  TF_RETURN_IF_ERROR(CheckHttpPath(arguments.http));
  if (arguments.http_headers.size() > kMostHeaders) {
    return absl::InvalidArgumentError(
        absl::StrCat("--http-header: at most ", kMostHeaders, " headers"));
  }
  spec.mutable_http()->set_path(arguments.http);
  for (const std::string& header : arguments.http_headers) {
    TF_RETURN_IF_ERROR(AddHttpHeader(header, *spec.mutable_http()));
  }
  return absl::OkStatus();
}

absl::Status ParseSizes(const StressArguments& arguments, Spec& spec) {
  const auto size = [](absl::string_view option, const std::string& text) {
    return ParseBoundedCount(option, text.empty() ? "1" : text, 1, kMostMessageBytes);
  };
  if (spec.request().empty()) {
    TF_ASSIGN_OR_RETURN(const uint32_t request, size("--request-bytes", arguments.request_bytes));
    spec.set_request_bytes(request);
  } else if (!arguments.request_bytes.empty()) {
    return absl::InvalidArgumentError("--request-bytes: --request has its own size");
  }
  if (spec.response_delimiter().empty()) {
    TF_ASSIGN_OR_RETURN(const uint32_t response,
                        size("--response-bytes", arguments.response_bytes));
    spec.set_response_bytes(response);
  } else if (!arguments.response_bytes.empty()) {
    return absl::InvalidArgumentError("--response-bytes: --response-until ends the responses");
  }
  return absl::OkStatus();
}

absl::Status ParseExchange(const StressArguments& arguments, Spec& spec) {
  for (const auto& [option, text] : {std::pair<absl::string_view, const std::string*>{
                                         "--request-bytes", &arguments.request_bytes},
                                     {"--response-bytes", &arguments.response_bytes},
                                     {"--request", &arguments.request},
                                     {"--response-until", &arguments.response_until},
                                     {"--http", &arguments.http}}) {
    TF_RETURN_IF_ERROR(OnlyFor(option, *text, spec, {Spec::WORKLOAD_CRR, Spec::WORKLOAD_RR}));
  }
  TF_RETURN_IF_ERROR(ParseHttp(arguments, spec));
  if (!HasResponses(spec) || spec.has_http()) return absl::OkStatus();
  if (!arguments.request.empty()) {
    TF_ASSIGN_OR_RETURN(*spec.mutable_request(), RequestBytes(arguments.request));
  }
  if (!arguments.response_until.empty()) {
    if (arguments.request.empty()) {
      return absl::InvalidArgumentError("--response-until: say what is sent by --request");
    }
    TF_ASSIGN_OR_RETURN(
        *spec.mutable_response_delimiter(),
        Unescaped("--response-until", arguments.response_until, kMostDelimiterBytes));
  }
  return ParseSizes(arguments, spec);
}

absl::Status ParseStream(const StressArguments& arguments, Spec& spec) {
  TF_RETURN_IF_ERROR(OnlyFor("--direction", arguments.direction, spec, {Spec::WORKLOAD_STREAM}));
  TF_RETURN_IF_ERROR(OnlyFor("--write-size", arguments.write_size, spec, {Spec::WORKLOAD_STREAM}));
  if (spec.workload() != Spec::WORKLOAD_STREAM) return absl::OkStatus();
  size_t direction = 0;
  if (!arguments.direction.empty()) {
    TF_ASSIGN_OR_RETURN(
        direction, ParseChoice("--direction", arguments.direction, {"send", "receive", "both"}));
  }
  TF_ASSIGN_OR_RETURN(
      const uint32_t write_bytes,
      ParseBoundedCount("--write-size",
                        arguments.write_size.empty() ? "131072" : arguments.write_size, 1,
                        kMostWriteBytes));
  constexpr Spec::Direction kDirections[] = {Spec::DIRECTION_SEND, Spec::DIRECTION_RECEIVE,
                                             Spec::DIRECTION_BOTH};
  spec.set_direction(kDirections[direction]);
  spec.set_write_bytes(write_bytes);
  return absl::OkStatus();
}

absl::Status ParseHeartbeat(const StressArguments& arguments, Spec& spec) {
  TF_RETURN_IF_ERROR(OnlyFor("--heartbeat", arguments.heartbeat, spec, {Spec::WORKLOAD_HOLD}));
  if (arguments.heartbeat.empty()) {
    return arguments.dead_after.empty()
               ? absl::OkStatus()
               : absl::InvalidArgumentError("--dead-after: needs --heartbeat TIME");
  }
  TF_ASSIGN_OR_RETURN(
      const uint64_t heartbeat_ms,
      ParseBoundedMs("--heartbeat", arguments.heartbeat, absl::Milliseconds(1), absl::Hours(1)));
  uint64_t dead_after_ms = kDefaultDeadBeats * heartbeat_ms;
  if (!arguments.dead_after.empty()) {
    TF_ASSIGN_OR_RETURN(dead_after_ms, ParseBoundedMs("--dead-after", arguments.dead_after,
                                                      absl::Milliseconds(1), absl::Hours(3)));
  }
  if (dead_after_ms <= heartbeat_ms) {
    return absl::InvalidArgumentError(
        "--dead-after: must be longer than --heartbeat, or every peer is dead before it is asked");
  }
  spec.set_heartbeat_ms(heartbeat_ms);
  spec.set_dead_after_ms(dead_after_ms);
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseMessages(const StressArguments& arguments, Spec& spec) {
  TF_RETURN_IF_ERROR(ParseExchange(arguments, spec));
  TF_RETURN_IF_ERROR(ParseStream(arguments, spec));
  return ParseHeartbeat(arguments, spec);
}

}  // namespace tcpfleet::controller
