// Finds where responses end in what connections receive, for servers whose responses are not of one
// fixed size: by a delimiter, or by HTTP/1.1.
//
// Threads: one owner, the worker.
// Bounds:  4 (delimiter) or 104 (HTTP) bytes per slot, allocated once. Bytes are looked at where
//          they lie; only a line of an HTTP header that is not whole yet is kept, together with
//          what follows it at most kMostHeaderBytes. Longer headers are bad responses.
// Source:  RFC 9112, sections 6 and 9.
#pragma once

#include <absl/types/span.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::agent {

// In some bytes of one connection.
struct FoundResponses {
  uint32_t ended = 0;                      // responses whose last byte was among them
  std::array<uint32_t, 5> by_status = {};  // of `ended`, HTTP: [0] is 1xx, [4] is 5xx and above
  // What followed them is no response; it is not in `ended`.
  bool bad = false;
  // The server answers nothing more on this connection.
  bool closes = false;
};

class ResponseFramer {
 public:
  static constexpr size_t kMostHeaderBytes = 32'768;

  virtual ~ResponseFramer() = default;

  // A new connection begins on `slot`.
  virtual void Begin(uint32_t slot) = 0;
  // The next bytes received on it. After `bad` or `closes` what still comes is ignored.
  virtual FoundResponses Take(uint32_t slot, absl::Span<const std::byte> bytes) = 0;
  // The peer has closed, which ends an HTTP response that lasts until then.
  virtual FoundResponses End(uint32_t slot) = 0;
};

// Null when responses end after `response_bytes`.
std::unique_ptr<ResponseFramer> NewResponseFramer(const v1::StressSpec& spec, size_t slots);

}  // namespace tcpfleet::agent
