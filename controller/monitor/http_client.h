// One HTTP request at a time, over plain TCP or TLS.
//
// TLS:     the server's certificate must be valid for its name.
// Bounds:  the deadline, from connecting to the last byte, except that resolving a name takes as
//          long as the resolver does; 64 KiB of response.
// Errors:  Unavailable (not resolved, refused, cut off), DeadlineExceeded, DataLoss (no HTTP or too
//          much of it), InvalidArgument (URL).
// Threads: every call on its own; it blocks.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <string>

namespace tcpfleet::controller {

struct HttpUrl {
  bool is_tls = false;
  std::string host;  // IPv6 addresses without brackets
  uint16_t port = 80;
  std::string path;  // empty, or "/..." without a slash at its end

  std::string ToString() const;
};

// "http://HOST[:PORT][/PATH]" or https. No user, query or fragment: secrets belong into headers.
absl::StatusOr<HttpUrl> ParseHttpUrl(absl::string_view text);

struct HttpResponse {
  unsigned status = 0;
  std::string body;
};

struct HttpPost {
  HttpUrl url;
  std::string path;  // added to the URL's
  std::map<std::string, std::string> headers;
  std::string content_type;
  std::string body;
  std::string ca_file;  // PEM; empty: the system's
  absl::Duration timeout;
};

absl::StatusOr<HttpResponse> PostHttp(const HttpPost& post);

}  // namespace tcpfleet::controller
