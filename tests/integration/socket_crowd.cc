// One end of a crowd of TCP connections in many states, for tests that look at sockets: a process
// that opens them, says "ready" and holds them until it is killed.
//
//   socket_crowd serve ADDRESS          one listener; prints "PORT\nready\n"
//   socket_crowd connect ENDPOINT e8000 u10 ...   a letter and how many
//   socket_crowd chatter ADDRESS COUNT            both ends, and bytes on each again and again
//
// What the two ends do once they are connected:
//   e  send some bytes and get them back
//   u  send bytes the server does not read
//   f  the same until nothing more fits
//   s  the server shuts its direction down
//   c  the server closes
//   t  the server closes, then the client: TIME-WAIT
//   a  the client shuts its direction down
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ip_address.h"
#include "common/sys/errno_name.h"
#include "common/sys/rlimit.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::tests {
namespace {

constexpr uid_t kOtherUser = 1234;

struct Header {
  char kind = 0;
  char padding[3] = {};
  uint32_t bytes = 0;
};

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, sys::ErrnoName(errno).c_str());
  ::_exit(1);
}

int Must(int result, const char* what) {
  if (result < 0) Fail(what);
  return result;
}

void SendAll(int fd, const void* data, size_t size) {
  if (::send(fd, data, size, MSG_NOSIGNAL) != static_cast<ssize_t>(size)) Fail("send");
}

void ReceiveAll(int fd, void* data, size_t size) {
  if (::recv(fd, data, size, MSG_WAITALL) != static_cast<ssize_t>(size)) Fail("recv");
}

[[noreturn]] void Hold() {
  std::puts("ready");
  std::fflush(stdout);
  for (;;) ::pause();
}

void Answer(int fd) {
  Header header;
  // Who says nothing and shuts down is kept.
  if (::recv(fd, &header, sizeof(header), MSG_WAITALL) != sizeof(header)) return;
  std::string data(header.bytes, '\0');
  switch (header.kind) {
    case 'e':
      ReceiveAll(fd, data.data(), data.size());
      SendAll(fd, data.data(), data.size());
      break;
    case 's':
      Must(::shutdown(fd, SHUT_WR), "shutdown");
      break;
    case 'c':
    case 't':
      ::close(fd);
      break;
    default:
      break;
  }
}

int Listen(const base::IpAddress& address) {
  const sys::SocketAddress any = sys::ToSocketAddress({address, 0});
  const int listener = Must(::socket(any.family(), SOCK_STREAM, 0), "socket");
  Must(::bind(listener, any.get(), any.length), "bind");
  Must(::listen(listener, 4096), "listen");
  return listener;
}

[[noreturn]] void Serve(const base::IpAddress& address) {
  const int listener = Listen(address);
  std::printf("%u\n", sys::LocalEndpoint(listener)->port);
  std::puts("ready");
  std::fflush(stdout);
  for (;;) Answer(Must(::accept(listener, nullptr, nullptr), "accept"));
}

void Set(int fd, int level, int option, int value) {
  Must(::setsockopt(fd, level, option, &value, sizeof(value)), "setsockopt");
}

// Sockets differ in what can be set on them; what this process may not do is left out.
int NewSocket(int family, unsigned number) {
  const bool is_other_user = number % 23 == 0;
  if (is_other_user) ::setfsuid(kOtherUser);
  const int fd = Must(::socket(family, SOCK_STREAM, 0), "socket");
  if (is_other_user) ::setfsuid(::geteuid());
  if (number % 5 == 0) Set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (number % 7 == 0) ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
  if (number % 11 == 0) ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
  if (number % 13 == 0) ::setsockopt(fd, SOL_SOCKET, SO_MARK, &number, sizeof(number));
  if (number % 17 == 0) Set(fd, SOL_SOCKET, SO_MAX_PACING_RATE, 10'000'000);
  if (number % 19 == 0) Set(fd, IPPROTO_TCP, TCP_MAXSEG, 1000);
  if (number % 29 == 0) Set(fd, SOL_SOCKET, SO_RCVBUF, 20'000);
  return fd;
}

void Fill(int fd) {
  const std::string data(4096, 'x');
  while (::send(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
  }
  if (errno != EAGAIN) Fail("send");
}

void Ask(int fd, char kind, unsigned number) {
  const Header header{.kind = kind, .bytes = kind == 'e' ? 1 + number % 3000 : 0};
  SendAll(fd, &header, sizeof(header));
  std::string data(kind == 'u' ? 1 + number % 5000 : header.bytes, 'x');
  char byte = 0;
  switch (kind) {
    case 'e':
      SendAll(fd, data.data(), data.size());
      ReceiveAll(fd, data.data(), data.size());
      break;
    case 'u':
      SendAll(fd, data.data(), data.size());
      break;
    case 'f':
      Fill(fd);
      break;
    case 's':
    case 'c':
    case 't':
      if (::recv(fd, &byte, 1, 0) != 0) Fail("end of stream");
      if (kind == 't') ::close(fd);
      break;
    case 'a':
      Must(::shutdown(fd, SHUT_WR), "shutdown");
      break;
    default:
      std::fprintf(stderr, "no such kind of connection: %c\n", kind);
      ::_exit(1);
  }
}

[[noreturn]] void Connect(const base::Endpoint& server, const std::vector<std::string>& crowds) {
  const sys::SocketAddress target = sys::ToSocketAddress(server);
  unsigned number = 0;
  for (const std::string& crowd : crowds) {
    int count = 0;
    if (!absl::SimpleAtoi(crowd.substr(1), &count)) Fail("not a number of connections");
    for (int i = 0; i < count; ++i, ++number) {
      const int fd = NewSocket(target.family(), number);
      if (crowd[0] == 'f') Set(fd, SOL_SOCKET, SO_SNDBUF, 50'000);
      Must(::connect(fd, target.get(), target.length), "connect");
      Ask(fd, crowd[0], number);
    }
  }
  Hold();
}

[[noreturn]] void Chatter(const base::IpAddress& address, int count) {
  const int listener = Listen(address);
  const sys::SocketAddress target = sys::ToSocketAddress(*sys::LocalEndpoint(listener));
  std::vector<std::pair<int, int>> connections;
  for (int i = 0; i < count; ++i) {
    const int client = Must(::socket(target.family(), SOCK_STREAM, 0), "socket");
    Must(::connect(client, target.get(), target.length), "connect");
    connections.emplace_back(client, Must(::accept(listener, nullptr, nullptr), "accept"));
  }
  std::puts("ready");
  std::fflush(stdout);
  std::minstd_rand random;  // NOLINT(cert-msc51-cpp): any numbers will do
  std::string data(2000, 'x');
  for (;;) {
    for (const auto& [from, to] : connections) {
      const size_t bytes = 1 + random() % data.size();
      SendAll(from, data.data(), bytes);
      ReceiveAll(to, data.data(), bytes);
    }
    ::usleep(20'000);
  }
}

}  // namespace
}  // namespace tcpfleet::tests

int main(int argc, char** argv) {
  using namespace tcpfleet;  // NOLINT(google-build-using-namespace)
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  sys::RaiseOpenFileLimit().IgnoreError();
  if (arguments.size() == 2 && arguments[0] == "serve") {
    tests::Serve(base::IpAddress::Parse(arguments[1]).value());
  }
  if (arguments.size() > 2 && arguments[0] == "connect") {
    tests::Connect(base::ParseEndpoint(arguments[1]).value(),
                   {arguments.begin() + 2, arguments.end()});
  }
  int count = 0;
  if (arguments.size() == 3 && arguments[0] == "chatter" &&
      absl::SimpleAtoi(arguments[2], &count)) {
    tests::Chatter(base::IpAddress::Parse(arguments[1]).value(), count);
  }
  std::fprintf(stderr,
               "usage: socket_crowd serve ADDRESS | connect ENDPOINT KINDCOUNT... | chatter "
               "ENDPOINT COUNT\n");
  return 2;
}
