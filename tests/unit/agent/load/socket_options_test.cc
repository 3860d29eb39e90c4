// On real sockets of this host.
#include "agent/load/socket_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "common/sys/tcp_listener.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

v1::StressSpec Rr() {
  v1::StressSpec spec;
  spec.set_workload(v1::StressSpec::WORKLOAD_RR);
  spec.set_role(v1::StressSpec::ROLE_CLIENT);
  return spec;
}

// Options that need no right, all of them away from their defaults.
v1::SocketOptions Many() {
  v1::SocketOptions options;
  options.set_no_delay(true);
  options.set_keepalive(true);
  options.set_keepalive_idle_seconds(17);
  options.set_keepalive_interval_seconds(3);
  options.set_keepalive_probes(4);
  options.set_linger_reset(true);
  options.set_send_buffer_bytes(40'000);
  options.set_receive_buffer_bytes(50'000);
  options.set_congestion_control("reno");
  options.set_dscp(46);
  options.set_user_timeout_ms(1234);
  options.set_notsent_lowat_bytes(16'384);
  return options;
}

void ExpectMany(const v1::SocketOptions& read) {
  EXPECT_TRUE(read.no_delay());
  EXPECT_TRUE(read.keepalive());
  EXPECT_EQ(read.keepalive_idle_seconds(), 17u);
  EXPECT_EQ(read.keepalive_interval_seconds(), 3u);
  EXPECT_EQ(read.keepalive_probes(), 4u);
  EXPECT_TRUE(read.linger_reset());
  EXPECT_EQ(read.send_buffer_bytes(), 80'000u);
  EXPECT_EQ(read.receive_buffer_bytes(), 100'000u);
  EXPECT_EQ(read.congestion_control(), "reno");
  EXPECT_EQ(read.dscp(), 46u);
  EXPECT_EQ(read.user_timeout_ms(), 1234u);
  EXPECT_EQ(read.notsent_lowat_bytes(), 16'384u);
}

TEST(TestSocketOptions, HoldOnSocketsOfBothFamilies) {
  for (const int family : {AF_INET, AF_INET6}) {
    const sys::UniqueFd fd(sys::NewTcpSocket(family));
    ASSERT_THAT(TestSocketOptions(Many()).ApplyTo(fd.get()), IsOk());
    ExpectMany(ReadSocketOptions(fd.get()));
  }
}

TEST(TestSocketOptions, SetNothingThatIsNotAsked) {
  const sys::UniqueFd untouched(sys::NewTcpSocket(AF_INET));
  const sys::UniqueFd fd(sys::NewTcpSocket(AF_INET));
  ASSERT_THAT(TestSocketOptions({}).ApplyTo(fd.get()), IsOk());
  EXPECT_EQ(ReadSocketOptions(fd.get()).SerializeAsString(),
            ReadSocketOptions(untouched.get()).SerializeAsString());
}

TEST(TestSocketOptions, AreInheritedByAcceptedConnections) {
  const sys::UniqueFd listener = sys::ListenTcp(0, 16).value();
  v1::SocketOptions options = Many();
  options.set_fast_open(true);
  ASSERT_THAT(TestSocketOptions(options).ApplyToListener(listener.get()), IsOk());
  const uint16_t port = sys::LocalEndpoint(listener.get())->port;
  const sys::UniqueFd client(sys::NewTcpSocket(AF_INET));
  const int error =
      sys::Connect(client.get(), sys::ToSocketAddress({base::IpAddress::V4({127, 0, 0, 1}), port}));
  ASSERT_TRUE(error == 0 || error == EINPROGRESS) << error;
  const sys::UniqueFd accepted(sys::Accept(listener.get()));
  ASSERT_TRUE(accepted.valid());
  ExpectMany(ReadSocketOptions(accepted.get()));
  EXPECT_FALSE(ReadSocketOptions(accepted.get()).fast_open());
}

TEST(TestSocketOptions, ReadBackFastOpenAndQuickAck) {
  v1::SocketOptions options;
  options.set_fast_open(true);
  options.set_quick_ack(true);
  const sys::UniqueFd fd(sys::NewTcpSocket(AF_INET));
  const TestSocketOptions applied(options);
  ASSERT_THAT(applied.ApplyTo(fd.get()), IsOk());
  applied.RenewQuickAck(fd.get());
  EXPECT_TRUE(ReadSocketOptions(fd.get()).fast_open());
  EXPECT_TRUE(ReadSocketOptions(fd.get()).quick_ack());
}

TEST(CheckSocketOptions, TakesWhatThisHostTakes) {
  EXPECT_THAT(CheckSocketOptions(Rr(), Many()), IsOk());
  v1::StressSpec server = Rr();
  server.set_role(v1::StressSpec::ROLE_SERVER);
  v1::SocketOptions options = Many();
  options.set_fast_open(true);
  options.set_bind_interface("lo");
  EXPECT_THAT(CheckSocketOptions(server, options), IsOk());
}

struct BadOption {
  const char* name;
  std::function<void(v1::SocketOptions&)> spoil;
  const char* message;
};
void PrintTo(const BadOption& option, std::ostream* out) { *out << option.name; }

class CheckSocketOptionsRefuses : public testing::TestWithParam<BadOption> {};

TEST_P(CheckSocketOptionsRefuses, AndNamesTheOption) {
  v1::SocketOptions options;
  GetParam().spoil(options);
  EXPECT_THAT(CheckSocketOptions(Rr(), options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(GetParam().message)));
}

using O = v1::SocketOptions;
INSTANTIATE_TEST_SUITE_P(
    Options, CheckSocketOptionsRefuses,
    testing::Values(
        BadOption{"dscp", [](O& o) { o.set_dscp(64); }, "dscp is 64, it may be at most 63"},
        BadOption{"send buffer", [](O& o) { o.set_send_buffer_bytes(1u << 31); },
                  "send_buffer_bytes is 2147483648"},
        BadOption{"receive buffer", [](O& o) { o.set_receive_buffer_bytes(1u << 31); },
                  "receive_buffer_bytes"},
        BadOption{"user timeout", [](O& o) { o.set_user_timeout_ms(1u << 31); }, "user_timeout_ms"},
        BadOption{"low water", [](O& o) { o.set_notsent_lowat_bytes(1u << 31); },
                  "notsent_lowat_bytes"},
        BadOption{"long congestion control",
                  [](O& o) { o.set_congestion_control(std::string(16, 'x')); },
                  "length of congestion_control is 16"},
        BadOption{"unknown congestion control", [](O& o) { o.set_congestion_control("nosuch"); },
                  "TCP_CONGESTION to nosuch: No such file or directory; this host has "},
        BadOption{"long interface", [](O& o) { o.set_bind_interface(std::string(16, 'x')); },
                  "length of bind_interface is 16"},
        BadOption{"unknown interface", [](O& o) { o.set_bind_interface("nosuch0"); },
                  "SO_BINDTODEVICE to nosuch0: No such device; is there an interface nosuch0"}));

// The right is taken from this thread alone.
TEST(CheckSocketOptions, SaysWhichRightAMarkNeeds) {
  v1::SocketOptions options;
  options.set_mark(7);
  std::thread([&] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    ASSERT_EQ(::syscall(SYS_capset, &header, data), 0);
    EXPECT_THAT(CheckSocketOptions(Rr(), options),
                StatusIs(absl::StatusCode::kPermissionDenied,
                         AllOf(HasSubstr("SO_MARK"), HasSubstr("CAP_NET_ADMIN"))));
  }).join();
}

TEST(CheckSocketOptions, RefusesFastOpenWhereTheClientDoesNotSendFirst) {
  v1::SocketOptions options;
  options.set_fast_open(true);
  v1::StressSpec spec = Rr();
  EXPECT_THAT(CheckSocketOptions(spec, options), IsOk());
  spec.set_workload(v1::StressSpec::WORKLOAD_HOLD);
  EXPECT_THAT(CheckSocketOptions(spec, options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("fast_open")));
  spec.set_workload(v1::StressSpec::WORKLOAD_STREAM);
  EXPECT_THAT(CheckSocketOptions(spec, options), IsOk());
  spec.set_direction(v1::StressSpec::DIRECTION_RECEIVE);
  EXPECT_THAT(CheckSocketOptions(spec, options), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace tcpfleet::agent
