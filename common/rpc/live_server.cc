#include "common/rpc/live_server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/server_interceptor.h>

#include <atomic>
#include <chrono>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/rpc/credentials.h"

namespace tcpfleet::rpc {
namespace {

constexpr int kLargestRequest = 1 << 20;
constexpr size_t kBufferBytes = size_t{32} << 20;

void SetLimits(grpc::ServerBuilder& builder, absl::Duration connection_idle) {
  builder.SetMaxReceiveMessageSize(kLargestRequest);
  builder.SetResourceQuota(grpc::ResourceQuota("tcpfleet").Resize(kBufferBytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 64);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16'384);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(connection_idle)));
}

}  // namespace

// Counts calls through the life of their interceptors: gRPC makes one for each call, and drops it
// with the call.
class LiveServer::CallCounter {
 public:
  explicit CallCounter(base::Clock& clock) : clock_(clock) { Touch(); }

  void Touch() { last_ns_ = clock_.MonotonicNs(); }
  bool QuietSince(int64_t since_ns) const { return under_way_ == 0 && last_ns_ <= since_ns; }

  class Factory final : public grpc::experimental::ServerInterceptorFactoryInterface {
   public:
    explicit Factory(std::shared_ptr<CallCounter> counter) : counter_(std::move(counter)) {}
    grpc::experimental::Interceptor* CreateServerInterceptor(
        grpc::experimental::ServerRpcInfo*) override {
      return new Call(counter_);
    }

   private:
    const std::shared_ptr<CallCounter> counter_;
  };

 private:
  class Call final : public grpc::experimental::Interceptor {
   public:
    explicit Call(std::shared_ptr<CallCounter> counter) : counter_(std::move(counter)) {
      ++counter_->under_way_;
    }
    ~Call() override {
      counter_->Touch();
      --counter_->under_way_;
    }
    void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
      methods->Proceed();
    }

   private:
    const std::shared_ptr<CallCounter> counter_;
  };

  base::Clock& clock_;
  std::atomic<int64_t> under_way_ = 0;
  std::atomic<int64_t> last_ns_ = 0;
};

LiveServer::LiveServer(base::Clock& clock, std::shared_ptr<CallCounter> calls)
    : clock_(clock), calls_(std::move(calls)) {}

absl::StatusOr<std::unique_ptr<LiveServer>> LiveServer::Start(
    const TlsFiles& tls, absl::Duration connection_idle, base::Clock& clock,
    absl::Span<grpc::Service* const> services) {
  TF_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> credentials,
                      ServerCredentials(tls));
  std::unique_ptr<LiveServer> live(new LiveServer(clock, std::make_shared<CallCounter>(clock)));
  grpc::ServerBuilder builder;
  SetLimits(builder, connection_idle);
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  live->tcp_door_ =
      builder.experimental().AddExternalConnectionAcceptor(Type::FROM_FD, credentials);
  live->unix_door_ = builder.experimental().AddExternalConnectionAcceptor(
      Type::FROM_FD, grpc::InsecureServerCredentials());
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<CallCounter::Factory>(live->calls_));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  for (grpc::Service* service : services) builder.RegisterService(service);
  live->server_ = builder.BuildAndStart();
  if (live->server_ == nullptr) return absl::InternalError("gRPC does not start");
  return live;
}

LiveServer::~LiveServer() { Shutdown(absl::ZeroDuration()); }

void LiveServer::Take(sys::UniqueFd connection, bool is_unix) {
  calls_->Touch();
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.fd = connection.Release();
  (is_unix ? unix_door_ : tcp_door_)->HandleNewConnection(&parameters);
}

bool LiveServer::IdleFor(absl::Duration span) const {
  return calls_->QuietSince(clock_.MonotonicNs() - absl::ToInt64Nanoseconds(span));
}

void LiveServer::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(grace));
}

}  // namespace tcpfleet::rpc
