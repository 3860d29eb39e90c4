#pragma once

#include <absl/status/status.h>

#include <string>

namespace tcpfleet::rpc {

// PEM files of mutual TLS: the authority both sides trust, the own certificate, its key. All empty:
// no TLS.
struct TlsFiles {
  std::string ca;
  std::string cert;
  std::string key;

  bool enabled() const { return !ca.empty() || !cert.empty() || !key.empty(); }
};

// InvalidArgument when only some are named, or one cannot be read or is not PEM. gRPC itself would
// start all the same and fail every handshake.
absl::Status CheckTlsFiles(const TlsFiles& files);

}  // namespace tcpfleet::rpc
