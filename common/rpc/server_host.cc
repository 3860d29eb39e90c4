#include "common/rpc/server_host.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <thread>
#include <utility>

#include "common/base/clock.h"
#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "common/rpc/live_server.h"
#include "common/sys/epoll.h"
#include "common/sys/event_fd.h"
#include "common/sys/server_socket.h"
#include "common/sys/tcp_listener.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::rpc {
namespace {

constexpr absl::Duration kLookAgain = absl::Seconds(1);
// Without a descriptor for it a connection cannot be accepted, and stays ready.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);

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

absl::Status CheckReach(const base::Endpoint& endpoint, const ServerHost::Options& options) {
  if (endpoint.address.IsLoopback() || options.tls.enabled() || options.insecure_listen) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat(
      endpoint.ToString(),
      " can be reached from other hosts: give --tls-ca, --tls-cert and --tls-key, or permit it "
      "without protection by --insecure-listen"));
}

}  // namespace

// The listening sockets and the thread that waits at them.
class ServerHost::Acceptor {
 public:
  static absl::StatusOr<std::unique_ptr<Acceptor>> Create(
      const Options& options, absl::Span<grpc::Service* const> services);
  ~Acceptor() { Shutdown(absl::ZeroDuration()); }

  const std::vector<std::string>& addresses() const { return addresses_; }
  bool awake() const { return awake_; }
  void Start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
  }
  void Shutdown(absl::Duration grace);

 private:
  struct Listener {
    int fd;
    bool is_unix;
  };

  Acceptor(const Options& options, absl::Span<grpc::Service* const> services, sys::EventFd wake,
           sys::Epoll epoll)
      : options_(options),
        services_(services.begin(), services.end()),
        wake_(std::move(wake)),
        epoll_(std::move(epoll)) {}

  absl::Status Listen(const std::string& address);
  void Loop(const std::stop_token& stop);
  // False when descriptors or memory have run out.
  bool AcceptAll(const Listener& listener);
  void Hand(sys::UniqueFd connection, bool is_unix);
  void WatchListeners(uint32_t events);

  const Options options_;
  const std::vector<grpc::Service*> services_;
  base::SystemClock clock_;
  std::vector<std::string> addresses_;
  std::vector<sys::UniqueFd> tcp_;
  std::deque<sys::UnixListener> unix_;
  std::vector<Listener> listeners_;  // into both
  sys::EventFd wake_;
  sys::Epoll epoll_;
  std::unique_ptr<LiveServer> server_;  // of the thread
  std::atomic<bool> awake_ = false;
  std::jthread thread_;
};

absl::StatusOr<std::unique_ptr<ServerHost::Acceptor>> ServerHost::Acceptor::Create(
    const Options& options, absl::Span<grpc::Service* const> services) {
  TF_RETURN_IF_ERROR(options.tls.enabled() ? CheckTlsFiles(options.tls) : absl::OkStatus());
  TF_ASSIGN_OR_RETURN(sys::EventFd wake, sys::EventFd::Create());
  TF_ASSIGN_OR_RETURN(sys::Epoll epoll, sys::Epoll::Create());
  std::unique_ptr<Acceptor> acceptor(
      new Acceptor(options, services, std::move(wake), std::move(epoll)));
  for (const std::string& address : options.listen) {
    TF_RETURN_IF_ERROR(acceptor->Listen(address));
  }
  const size_t count = acceptor->listeners_.size();
  TF_RETURN_IF_ERROR(acceptor->epoll_.Add(acceptor->wake_.fd(), EPOLLIN, count));
  for (size_t i = 0; i < count; ++i) {
    TF_RETURN_IF_ERROR(acceptor->epoll_.Add(acceptor->listeners_[i].fd, EPOLLIN, i));
  }
  return acceptor;
}

absl::Status ServerHost::Acceptor::Listen(const std::string& address) {
  if (absl::StartsWith(address, "unix:")) {
    const std::string path(absl::StripPrefix(address, "unix:"));
    TF_ASSIGN_OR_RETURN(sys::UnixListener listener, sys::UnixListener::Listen(path));
    listeners_.push_back({listener.fd(), true});
    unix_.push_back(std::move(listener));
    addresses_.push_back(address);
    return absl::OkStatus();
  }
  TF_ASSIGN_OR_RETURN(const base::Endpoint endpoint, ParseListenAddress(address));
  TF_RETURN_IF_ERROR(CheckReach(endpoint, options_));
  TF_ASSIGN_OR_RETURN(sys::UniqueFd fd, sys::ListenExclusively(endpoint));
  TF_ASSIGN_OR_RETURN(const base::Endpoint bound, sys::LocalEndpoint(fd.get()));
  addresses_.push_back(absl::StrCat(address.substr(0, address.rfind(':')), ":", bound.port));
  listeners_.push_back({fd.get(), false});
  tcp_.push_back(std::move(fd));
  return absl::OkStatus();
}

void ServerHost::Acceptor::Loop(const std::stop_token& stop) {
  bool paused = false;
  while (!stop.stop_requested()) {
    std::array<epoll_event, 16> storage;
    const absl::Duration wait =
        paused ? kAcceptPause : std::min(kLookAgain, options_.connection_idle);
    const int64_t timeout_ns =
        paused || server_ != nullptr ? absl::ToInt64Nanoseconds(wait) : int64_t{-1};
    const absl::Span<epoll_event> ready = epoll_.Wait(absl::MakeSpan(storage), timeout_ns);
    if (std::exchange(paused, false)) WatchListeners(EPOLLIN);
    for (const epoll_event& event : ready) {
      if (event.data.u64 < listeners_.size()) {
        paused |= !AcceptAll(listeners_[event.data.u64]);
      }
    }
    if (paused) WatchListeners(0);
    // By then gRPC has closed every connection.
    if (server_ != nullptr && server_->IdleFor(2 * options_.connection_idle)) {
      server_.reset();
      awake_ = false;
    }
  }
}

bool ServerHost::Acceptor::AcceptAll(const Listener& listener) {
  for (;;) {
    const int fd = sys::Accept(listener.fd);
    if (fd >= 0) {
      Hand(sys::UniqueFd(fd), listener.is_unix);
    } else if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
      return false;
    } else if (fd != -ECONNABORTED) {
      return true;
    }
  }
}

void ServerHost::Acceptor::Hand(sys::UniqueFd connection, bool is_unix) {
  if (server_ == nullptr) {
    absl::StatusOr<std::unique_ptr<LiveServer>> server =
        LiveServer::Start(options_.tls, options_.connection_idle, clock_, services_);
    if (!server.ok()) {
      spdlog::error("a connection is refused: {}", std::string(server.status().message()));
      return;
    }
    server_ = *std::move(server);
    awake_ = true;
  }
  server_->Take(std::move(connection), is_unix);
}

void ServerHost::Acceptor::WatchListeners(uint32_t events) {
  for (size_t i = 0; i < listeners_.size(); ++i) {
    const absl::Status status = epoll_.Modify(listeners_[i].fd, events, i);
    if (!status.ok()) spdlog::error("{}: {}", addresses_[i], std::string(status.message()));
  }
}

void ServerHost::Acceptor::Shutdown(absl::Duration grace) {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  wake_.Notify();
  thread_.join();
  tcp_.clear();  // what still waits to be accepted is refused
  unix_.clear();
  if (server_ != nullptr) server_->Shutdown(grace);
}

absl::StatusOr<std::unique_ptr<ServerHost>> ServerHost::Start(
    const Options& options, absl::Span<grpc::Service* const> services) {
  if (options.listen.empty()) return absl::InvalidArgumentError("no address to listen on");
  TF_ASSIGN_OR_RETURN(std::unique_ptr<Acceptor> acceptor, Acceptor::Create(options, services));
  acceptor->Start();
  return std::unique_ptr<ServerHost>(new ServerHost(std::move(acceptor)));
}

ServerHost::ServerHost(std::unique_ptr<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}

ServerHost::~ServerHost() = default;

const std::vector<std::string>& ServerHost::addresses() const { return acceptor_->addresses(); }

bool ServerHost::awake() const { return acceptor_->awake(); }

void ServerHost::Shutdown(absl::Duration grace) { acceptor_->Shutdown(grace); }

}  // namespace tcpfleet::rpc
