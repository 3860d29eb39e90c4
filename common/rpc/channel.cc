#include "common/rpc/channel.h"

#include <absl/strings/match.h>
#include <grpcpp/create_channel.h>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "common/rpc/credentials.h"

namespace tcpfleet::rpc {

absl::StatusOr<std::shared_ptr<grpc::Channel>> NewChannel(const std::string& address,
                                                          const TlsFiles& tls,
                                                          Connection connection) {
  const bool is_unix = absl::StartsWith(address, "unix:");
  std::string target = address;
  if (!is_unix) {
    TF_ASSIGN_OR_RETURN(const base::HostPort host_port, base::ParseHostPort(address, 0));
    target = "dns:///" + host_port.ToString();
  }
  TF_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials,
                      ChannelCredentials(is_unix ? TlsFiles{} : tls));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 10'000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Keeps a reader that falls behind from piling up megabytes in transit.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 65'536);
  if (connection == Connection::kOwn) arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kLargestMessageToController);
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

}  // namespace tcpfleet::rpc
