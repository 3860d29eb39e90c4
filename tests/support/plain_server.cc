#include "tests/support/plain_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::tests {
namespace {

constexpr uint64_t kStopToken = std::numeric_limits<uint64_t>::max();

}  // namespace

absl::StatusOr<std::unique_ptr<PlainServer>> PlainServer::Create(Behaviour behaviour,
                                                                 base::Endpoint address,
                                                                 const sys::NetNamespace* network) {
  TF_ASSIGN_OR_RETURN(sys::Epoll epoll, sys::Epoll::Create());
  TF_ASSIGN_OR_RETURN(sys::EventFd stop, sys::EventFd::Create());
  std::unique_ptr<PlainServer> server(
      new PlainServer(behaviour, std::move(epoll), std::move(stop)));
  const auto listen = [&] { return server->Listen(address); };
  TF_RETURN_IF_ERROR(network == nullptr ? listen() : network->Run(listen));
  TF_RETURN_IF_ERROR(server->epoll_.Add(server->stop_.fd(), EPOLLIN, kStopToken));
  if (behaviour != Behaviour::kFullBacklog) {
    TF_RETURN_IF_ERROR(server->epoll_.Add(server->listener_.get(), EPOLLIN,
                                          static_cast<uint64_t>(server->listener_.get())));
  }
  server->thread_ = std::thread([raw = server.get()] { raw->Serve(); });
  return server;
}

PlainServer::~PlainServer() {
  stop_.Notify();
  if (thread_.joinable()) thread_.join();
}

absl::Status PlainServer::Listen(const base::Endpoint& address) {
  const sys::SocketAddress any = sys::ToSocketAddress(address);
  listener_.Reset(sys::NewTcpSocket(any.family()));
  if (!listener_.valid()) return sys::ErrnoStatus("socket");
  TF_RETURN_IF_ERROR(sys::SetOption(listener_.get(), SOL_SOCKET, SO_REUSEADDR, 1));
  if (::bind(listener_.get(), any.get(), any.length) != 0) return sys::ErrnoStatus("bind");
  // A backlog of 0 holds one connection.
  const bool full = behaviour_ == Behaviour::kFullBacklog;
  if (::listen(listener_.get(), full ? 0 : 4096) != 0) return sys::ErrnoStatus("listen");
  TF_ASSIGN_OR_RETURN(endpoint_, sys::LocalEndpoint(listener_.get()));
  if (!full) return absl::OkStatus();

  filler_.Reset(sys::NewTcpSocket(any.family()));
  const int error = sys::Connect(filler_.get(), sys::ToSocketAddress(endpoint_));
  if (error != 0 && error != EINPROGRESS) return sys::ErrnoStatus(error, "connect to ourselves");
  pollfd queued{.fd = listener_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&queued, 1, 5000) != 1) return absl::DeadlineExceededError("the backlog stays empty");
  return absl::OkStatus();
}

void PlainServer::Serve() {
  std::array<epoll_event, 64> events{};
  for (;;) {
    for (const epoll_event& event : epoll_.Wait(absl::MakeSpan(events), -1)) {
      if (event.data.u64 == kStopToken) return;
      const int fd = static_cast<int>(event.data.u64);
      if (fd == listener_.get()) {
        Accept();
        continue;
      }
      const auto found = connections_.find(fd);
      if (found == connections_.end()) continue;
      if ((event.events & EPOLLOUT) != 0) {
        Send(found->second);
      } else {
        Receive(found->second);
      }
    }
  }
}

void PlainServer::Accept() {
  for (;;) {
    sys::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno == EMFILE || errno == ENFILE) epoll_.Remove(listener_.get());
      return;
    }
    ++counters_.accepted;
    if (behaviour_ == Behaviour::kReset) sys::SetLingerReset(fd.get()).IgnoreError();
    if (behaviour_ == Behaviour::kReset || behaviour_ == Behaviour::kClose) continue;
    const int number = fd.get();
    epoll_.Add(number, EPOLLIN, static_cast<uint64_t>(number)).IgnoreError();
    connections_[number].fd = std::move(fd);
  }
}

void PlainServer::Receive(Connection& connection) {
  const int fd = connection.fd.get();
  const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), 0);
  if (got > 0) {
    counters_.received_bytes += static_cast<uint64_t>(got);
    if (behaviour_ == Behaviour::kEcho) {
      connection.unsent.append(buffer_.data(), static_cast<size_t>(got));
      Send(connection);
    }
    return;
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  ++(got == 0 ? counters_.closed_by_peer : counters_.reset_by_peer);
  connections_.erase(fd);
}

// Sends what it can. While something is left it does not read, so `unsent` never grows beyond one
// buffer.
void PlainServer::Send(Connection& connection) {
  const int fd = connection.fd.get();
  const ssize_t sent = ::send(fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
  if (sent > 0) connection.unsent.erase(0, static_cast<size_t>(sent));
  if (sent < 0 && errno != EAGAIN) connection.unsent.clear();  // the next recv says why
  epoll_.Modify(fd, connection.unsent.empty() ? EPOLLIN : EPOLLOUT, static_cast<uint64_t>(fd))
      .IgnoreError();
}

}  // namespace tcpfleet::tests
