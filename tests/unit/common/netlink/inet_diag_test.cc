#include "common/netlink/inet_diag.h"

#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <map>
#include <string>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::netlink {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

// A recorded dump, by "LOCAL REMOTE"; tests/golden/sockets/README.md says what is in it.
class Recording {
 public:
  explicit Recording(const std::string& name) {
    const absl::StatusOr<std::string> bytes =
        sys::ReadFile(absl::StrCat(TCPFLEET_GOLDEN, "/sockets/", name));
    EXPECT_THAT(bytes, IsOk());
    bytes_ = bytes.value_or("");
    MessageReader reader({reinterpret_cast<const std::byte*>(bytes_.data()), bytes_.size()});
    while (const std::optional<Message> message = reader.Next()) {
      EXPECT_EQ(message->type, SOCK_DIAG_BY_FAMILY);
      payloads_.push_back(message->payload);
      const absl::StatusOr<InetDiagSocket> socket = ParseInetDiagSocket(message->payload);
      EXPECT_THAT(socket, IsOk());
      if (!socket.ok()) continue;
      sockets_.emplace(absl::StrCat(socket->local.ToString(), " ", socket->remote.ToString()),
                       *socket);
    }
    EXPECT_TRUE(reader.ok());
  }

  const std::map<std::string, InetDiagSocket>& sockets() const { return sockets_; }
  const std::vector<Bytes>& payloads() const { return payloads_; }

 private:
  std::string bytes_;
  std::vector<Bytes> payloads_;
  std::map<std::string, InetDiagSocket> sockets_;
};

TEST(InetDiag, ReadsAnEstablishedConnection) {
  const Recording recording("inet_diag_ipv4.bin");
  const InetDiagSocket& server = recording.sockets().at("127.0.0.1:8080 127.0.0.1:40001");
  EXPECT_EQ(server.state, 1);
  EXPECT_EQ(server.receive_queue, 600u);
  EXPECT_EQ(server.send_queue, 0u);
  EXPECT_NE(server.cookie, 0u);
  EXPECT_NE(server.inode, 0u);
  EXPECT_EQ(server.uid, 0u);
  EXPECT_EQ(server.interface, 0u);
  EXPECT_EQ(server.tcp_info.size(), 280u);
  EXPECT_EQ(server.congestion_control, "bbr");
  EXPECT_EQ(server.shutdown, 0);
  EXPECT_TRUE(server.cgroup_id.has_value());
}

TEST(InetDiag, ReadsAListenerWithItsAcceptQueue) {
  const Recording recording("inet_diag_ipv4.bin");
  const InetDiagSocket& listener = recording.sockets().at("127.0.0.1:8080 0.0.0.0:0");
  EXPECT_EQ(listener.state, 10);
  EXPECT_EQ(listener.receive_queue, 1u);
  EXPECT_EQ(listener.send_queue, 9u);
}

TEST(InetDiag, ReadsAConnectionNobodyAccepted) {
  const Recording recording("inet_diag_ipv4.bin");
  EXPECT_EQ(recording.sockets().at("127.0.0.1:8080 127.0.0.1:40005").inode, 0u);
}

TEST(InetDiag, ReadsTimeWaitWithoutTcpInfo) {
  const Recording recording("inet_diag_ipv4.bin");
  const InetDiagSocket& ended = recording.sockets().at("127.0.0.1:40003 127.0.0.1:8080");
  EXPECT_EQ(ended.state, 6);
  EXPECT_TRUE(ended.tcp_info.empty());
  EXPECT_EQ(ended.timer, 3);
  EXPECT_GT(ended.timer_expires_ms, 50'000u);
}

TEST(InetDiag, ReadsIpv6) {
  const Recording recording("inet_diag_ipv6.bin");
  EXPECT_EQ(recording.sockets().size(), 3u);
  EXPECT_EQ(recording.sockets().at("[::1]:8081 [::1]:40004").receive_queue, 10u);
}

TEST(InetDiag, RefusesEveryTruncationOfTheHeaderAndEveryCutAttribute) {
  const Recording recording("inet_diag_ipv4.bin");
  for (const Bytes payload : recording.payloads()) {
    size_t accepted = 0;
    for (size_t size = 0; size < payload.size(); ++size) {
      const std::vector<std::byte> cut(payload.begin(),
                                       payload.begin() + static_cast<std::ptrdiff_t>(size));
      if (ParseInetDiagSocket(cut).ok()) {
        EXPECT_GE(size, sizeof(inet_diag_msg));
        ++accepted;
      }
    }
    EXPECT_LT(accepted, 40u);  // only cuts between two attributes, or within the padding of one
  }
}

TEST(InetDiag, RefusesOtherFamilies) {
  inet_diag_msg message{};
  message.idiag_family = AF_UNIX;
  EXPECT_THAT(ParseInetDiagSocket(BytesOf(message)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("family 1")));
}

TEST(InetDiag, TakesANameWithoutItsTerminator) {
  inet_diag_msg message{};
  message.idiag_family = AF_INET;
  MessageBuilder builder(SOCK_DIAG_BY_FAMILY, 0);
  builder.Append(BytesOf(message));
  const std::string name = "reno";
  builder.AddAttribute(INET_DIAG_CONG,
                       {reinterpret_cast<const std::byte*>(name.data()), name.size()});
  const Bytes bytes = builder.Finish(1).subspan(sizeof(nlmsghdr));
  const absl::StatusOr<InetDiagSocket> socket = ParseInetDiagSocket(bytes);
  ASSERT_THAT(socket, IsOk());
  EXPECT_EQ(socket->congestion_control, "reno");
}

TEST(InetDiag, AsksForStatesExtensionsAndAProgram) {
  const std::string program = "program!";
  MessageBuilder request = InetDiagDumpRequest(
      {.family = AF_INET6,
       .states = 0x402,
       .extensions = kConnection | kSocketMemory,
       .program = {reinterpret_cast<const std::byte*>(program.data()), program.size()}});
  MessageReader reader(request.Finish(9));
  const std::optional<Message> message = reader.Next();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->type, SOCK_DIAG_BY_FAMILY);
  EXPECT_EQ(message->flags, NLM_F_REQUEST | NLM_F_DUMP);
  const std::optional<inet_diag_req_v2> body = Load<inet_diag_req_v2>(message->payload);
  ASSERT_TRUE(body.has_value());
  EXPECT_EQ(body->sdiag_family, AF_INET6);
  EXPECT_EQ(body->sdiag_protocol, IPPROTO_TCP);
  EXPECT_EQ(body->idiag_states, 0x402u);
  EXPECT_EQ(body->idiag_ext, (1 << (INET_DIAG_INFO - 1)) | (1 << (INET_DIAG_CONG - 1)) |
                                 (1 << (INET_DIAG_SKMEMINFO - 1)));
  AttributeReader attributes(message->payload.subspan(sizeof(inet_diag_req_v2)));
  const std::optional<Attribute> attribute = attributes.Next();
  ASSERT_TRUE(attribute.has_value());
  EXPECT_EQ(attribute->type, INET_DIAG_REQ_BYTECODE);
  EXPECT_EQ(attribute->payload.size(), program.size());
}

class InetDiagGlanceTest : public testing::Test {
 protected:
  InetDiagGlanceTest() {
    for (const Bytes payload : recording_.payloads()) {
      if (Glance(payload).has_tcp_info) payload_.assign(payload.begin(), payload.end());
    }
  }
  static InetDiagGlance Glance(Bytes payload, uint64_t seed = 1) {
    const absl::StatusOr<InetDiagGlance> glance = GlanceAtInetDiagSocket(payload, seed);
    EXPECT_THAT(glance, IsOk());
    return glance.value_or(InetDiagGlance());
  }

  const Recording recording_{"inet_diag_ipv4.bin"};
  std::vector<std::byte> payload_;  // of a socket with tcp_info
};

TEST_F(InetDiagGlanceTest, AgreesWithTheWholeMessage) {
  for (const Bytes payload : recording_.payloads()) {
    const absl::StatusOr<InetDiagSocket> socket = ParseInetDiagSocket(payload);
    ASSERT_THAT(socket, IsOk());
    const InetDiagGlance glance = Glance(payload);
    EXPECT_EQ(glance.cookie, socket->cookie);
    EXPECT_EQ(glance.state, socket->state);
    EXPECT_EQ(glance.has_tcp_info, !socket->tcp_info.empty());
    EXPECT_EQ(glance.timer_expires_ms, socket->timer != 0 ? socket->timer_expires_ms : 0);
    EXPECT_EQ(glance.fingerprint, Glance(payload).fingerprint);
    EXPECT_NE(glance.fingerprint, Glance(payload, 2).fingerprint);
  }
}

// A byte belongs either to the fingerprint or to one of the times.
TEST_F(InetDiagGlanceTest, SeesAChangeOfEveryByte) {
  const InetDiagGlance before = Glance(payload_);
  const size_t header = sizeof(inet_diag_msg);
  size_t times = 0;
  for (size_t at = 1; at < payload_.size(); ++at) {
    std::vector<std::byte> changed = payload_;
    changed[at] ^= std::byte{1};
    const absl::StatusOr<InetDiagGlance> glance = GlanceAtInetDiagSocket(changed, 1);
    if (!glance.ok()) continue;  // the length of an attribute
    if (glance->fingerprint != before.fingerprint) continue;
    ++times;
    const bool expires = at >= offsetof(inet_diag_msg, idiag_expires) && at < header;
    EXPECT_TRUE((expires && before.timer_expires_ms == 0) ||
                glance->timer_expires_ms != before.timer_expires_ms ||
                glance->last_data_sent_ms != before.last_data_sent_ms ||
                glance->last_data_recv_ms != before.last_data_recv_ms ||
                glance->last_ack_recv_ms != before.last_ack_recv_ms)
        << at;
  }
  EXPECT_EQ(times, 16u);
}

TEST_F(InetDiagGlanceTest, RefusesWhatTheParserRefuses) {
  for (size_t size = 0; size < payload_.size(); ++size) {
    const Bytes cut = Bytes(payload_).first(size);
    EXPECT_EQ(GlanceAtInetDiagSocket(cut, 1).ok(), ParseInetDiagSocket(cut).ok()) << size;
  }
}

}  // namespace
}  // namespace tcpfleet::netlink
