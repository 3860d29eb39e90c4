#include "common/rpc/server_host.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <deque>
#include <utility>

#include "common/base/ip_address.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/rpc/credentials.h"
#include "common/sys/listen_probe.h"

namespace tcpfleet::rpc {
namespace {

constexpr int kLargestRequest = 1 << 20;
constexpr size_t kBufferBytes = size_t{32} << 20;

absl::StatusOr<base::Endpoint> ParseListenAddress(const std::string& address) {
  const absl::Status bad = absl::InvalidArgumentError(absl::StrCat(
      "'", address,
      "' is not an address to listen on: write ADDRESS:PORT, [V6ADDRESS]:PORT or unix:/path"));
  // Port 0 is welcome here and nowhere else, so the port is parsed apart.
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return bad;
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) return bad;
  uint32_t port = 0;
  const absl::StatusOr<base::IpAddress> ip = base::IpAddress::Parse(host);
  if (!ip.ok() || !absl::SimpleAtoi(address.substr(colon + 1), &port) || port > 65535) return bad;
  return base::Endpoint{*ip, static_cast<uint16_t>(port)};
}

bool IsLoopback(const base::IpAddress& address) {
  static const base::IpNetwork v4 = *base::IpNetwork::Parse("127.0.0.0/8");
  static const base::IpNetwork v6 = *base::IpNetwork::Parse("::1");
  return v4.Contains(address) || v6.Contains(address);
}

absl::Status CheckAddress(const std::string& address, const ServerHost::Options& options) {
  if (absl::StartsWith(address, "unix:")) {
    return sys::CheckUnixPathIsFree(std::string(absl::StripPrefix(address, "unix:")));
  }
  TF_ASSIGN_OR_RETURN(const base::Endpoint endpoint, ParseListenAddress(address));
  if (!IsLoopback(endpoint.address) && !options.tls.enabled() && !options.insecure_listen) {
    return absl::PermissionDeniedError(absl::StrCat(
        address,
        " can be reached from other hosts: give --tls-ca, --tls-cert and --tls-key, or permit it "
        "without protection by --insecure-listen"));
  }
  return endpoint.port == 0 ? absl::OkStatus() : sys::CheckPortIsFree(endpoint);
}

std::string WithPort(const std::string& address, int port) {
  if (absl::StartsWith(address, "unix:")) return address;
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerHost>> ServerHost::Start(
    const Options& options, absl::Span<grpc::Service* const> services) {
  if (options.listen.empty()) return absl::InvalidArgumentError("no address to listen on");
  TF_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> tcp_credentials,
                      ServerCredentials(options.tls));
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kLargestRequest);
  builder.SetResourceQuota(grpc::ResourceQuota("tcpfleet").Resize(kBufferBytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 64);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16'384);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT,
                             0);  // or a second agent would share the port in silence

  std::deque<int> ports;  // gRPC writes to them in BuildAndStart: they must not move
  for (const std::string& address : options.listen) {
    TF_RETURN_IF_ERROR(CheckAddress(address, options));
    const bool is_unix = absl::StartsWith(address, "unix:");
    builder.AddListeningPort(address, is_unix ? grpc::InsecureServerCredentials() : tcp_credentials,
                             &ports.emplace_back(0));
  }
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options.listen.front()));
  }
  std::vector<std::string> addresses;
  for (size_t i = 0; i < options.listen.size(); ++i)
    addresses.push_back(WithPort(options.listen[i], ports[i]));
  return std::unique_ptr<ServerHost>(new ServerHost(std::move(server), std::move(addresses)));
}

ServerHost::ServerHost(std::unique_ptr<grpc::Server> server, std::vector<std::string> addresses)
    : server_(std::move(server)), addresses_(std::move(addresses)) {}

ServerHost::~ServerHost() { Shutdown(absl::ZeroDuration()); }

void ServerHost::Shutdown(absl::Duration grace) {
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(grace));
}

}  // namespace tcpfleet::rpc
