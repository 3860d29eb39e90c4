// What the language has beyond ss.
#include <gtest/gtest.h>

#include "common/filter/filter.h"
#include "tests/unit/common/filter/samples.h"

namespace tcpfleet::filter {
namespace {

using sockets::Field;
using sockets::TcpState;
using tests::IsOk;

constexpr int64_t kNowMs = 10'000'000;
constexpr int64_t kHourMs = 3'600'000;

void ExpectMatches(const Subject& subject, std::initializer_list<const char*> texts) {
  for (const char* text : texts) EXPECT_TRUE(Matches(text, subject)) << text;
}
void ExpectNoMatch(const Subject& subject, std::initializer_list<const char*> texts) {
  for (const char* text : texts) EXPECT_FALSE(Matches(text, subject)) << text;
}

TEST(FilterComparison, ComparesFieldsInTheirUnits) {
  sockets::ConnectionSample sample = Web();
  sample.values.Set(Field::kRtt, 20'500);
  sample.values.Set(Field::kSndCwnd, 9);
  sample.values.Set(Field::kBytesAcked, 65'536);
  sample.values.Set(Field::kPacingRate, 1'250'000);
  sample.values.Set(Field::kTotalRtoTime, 1500);
  sample.values.Set(Field::kReceiveQueue, 0);
  const Subject subject{.sample = &sample};
  ExpectMatches(subject, {"rtt > 20ms",
                          "rtt > 20500000ns or rtt = 20.5ms",
                          "rtt = 20500us",
                          "rtt != 20ms",
                          "rtt <= 20ms500us",
                          "rtt>=20.5ms and rtt<1m",
                          "RTT gt 300us",
                          "cwnd < 10",
                          "snd_cwnd le 9",
                          "bytes_acked = 64KiB",
                          "bytes_acked > 65kB",
                          "bytes_acked ge 65536",
                          "pacing_rate = 10Mbit",
                          "pacing_rate = 1.25MB/s",
                          "pacing_rate = 10Mbps",
                          "total_rto_time = 1.5s",
                          "recv_q = 0",
                          "receive_queue < 1",
                          "rtt > 0",
                          "not rtt < 20ms"});
  ExpectNoMatch(subject, {"rtt > 20.5ms", "rtt < 0", "cwnd > 9", "cwnd != 9", "recv_q > 0",
                          "bytes_acked > 64KiB", "pacing_rate < 1MB"});
}

TEST(FilterComparison, IsNeitherTrueNorFalseAboutTheUnknown) {
  const sockets::ConnectionSample sample = Web();
  const Subject subject{.sample = &sample};
  ExpectNoMatch(subject, {"rtt > 1ms",
                          "rtt <= 1ms",
                          "not rtt > 1ms",
                          "not ( rtt > 1ms or uid = 0 )",
                          "process = nginx",
                          "process != nginx",
                          "process !~ nginx",
                          "pid > 0",
                          "uid = 0",
                          "uid != 0",
                          "cgroup = /",
                          "not cgroup = /",
                          "cc = cubic",
                          "host = web1",
                          "host != web1",
                          "send_rate > 0",
                          "send_rate = 0",
                          "limited = receiver",
                          "limited != receiver",
                          "age > 0",
                          "age <= 1d",
                          "netns = 1",
                          "idle > 1s",
                          "retrans_share < 1%"});
  ExpectMatches(subject, {"rtt > 1ms or dport = :443", "not ( rtt > 1ms and dport = :80 )",
                          "( rtt > 1ms or not rtt > 1ms ) or dport = :443"});
}

TEST(FilterComparison, HasNoUpperEnd) {
  sockets::ConnectionSample sample = Web();
  sample.identity.cookie = UINT64_MAX;
  const Subject subject{.sample = &sample};
  ExpectMatches(subject, {"cookie = 0xffffffffffffffff", "cookie >= 18446744073709551615",
                          "sk > 18446744073709551614"});
  ExpectNoMatch(subject, {"cookie > 18446744073709551615", "cookie < 0"});
}

TEST(FilterComparison, MatchesTexts) {
  sockets::ConnectionSample sample = Web();
  sockets::Process process;
  process.pid = 4711;
  process.comm = "nginx";
  process.command_line = "nginx: worker \"main\" it's";
  sample.identity.process = std::make_shared<const sockets::Process>(process);
  sample.identity.cgroup = std::make_shared<const std::string>("/kubepods/burstable/pod1");
  sample.identity.congestion_control = "bbr";
  sample.identity.uid = 33;
  const Subject subject{.sample = &sample, .host = "web1.dc1"};
  ExpectMatches(subject, {"process = nginx",
                          "comm == nginx",
                          "process = ng*",
                          "process = *",
                          "process = n*in*",
                          "process ~ gin",
                          "process ~ \"^ngin.$\"",
                          "process !~ apache",
                          "process != apache",
                          "pid = 4711",
                          "uid = 33",
                          "command ~ worker",
                          "command = \"nginx: worker *\"",
                          "command ~ '\"main\"'",
                          "command ~ \"it\\'s\"",
                          "cgroup ~ kubepods",
                          "cgroup = /kubepods/*",
                          "cgroup /kubepods/burstable/pod1",
                          "cgroup = kubepods/burstable/pod1/",
                          "cgroup = /sys/fs/cgroup/kubepods/burstable/pod1",
                          "cgroup = *pod1",
                          "cc = bbr",
                          "cc != cubic",
                          "host = web*",
                          "host = web1.dc1",
                          "agent ~ ^web[0-9]+.dc1$",
                          "process ~ \"(?i)NGINX\""});
  ExpectNoMatch(subject, {"process = Nginx", "process = ngin", "process = *x*y", "process = \"\"",
                          "process != n*", "process !~ gin", "cgroup = kubepods", "host = web",
                          "host != web*", "command ~ ^worker"});
}

TEST(FilterComparison, ReadsWhatIsDerived) {
  const sockets::ConnectionSample sample = Web();
  sockets::Derived derived;
  derived.send_rate = 2e6;
  derived.receive_rate = 0;
  derived.delivery_rate = 1e6;
  derived.retrans_share = 0.015;
  derived.busy_share = 1;
  derived.limited = sockets::Limit::kReceiver;
  const Subject subject{.sample = &sample, .derived = &derived};
  ExpectMatches(subject, {"send_rate > 1MB", "send_rate = 16Mbit", "receive_rate = 0",
                          "acked_rate >= 1MB/s", "retrans_share > 1%", "retrans_share < 2%",
                          "retrans_share = 1.5%", "busy_share = 100%", "limited = receiver",
                          "limited != network", "not limited = network"});
  ExpectNoMatch(subject, {"send_rate < 1MB", "receive_rate > 0", "retrans_share > 1.5%",
                          "rwnd_limited_share = 0", "limited = network"});
}

TEST(FilterComparison, KnowsTheAgeOfWhatItSawOpening) {
  sockets::ConnectionSample sample = Web();
  sample.values.Set(Field::kFirstSeenAtMs, kNowMs - kHourMs);
  sample.values.Set(Field::kOpeningSeen, 1);
  const Subject subject{.sample = &sample, .now_ns = kNowMs * 1'000'000};
  ExpectMatches(subject, {"age = 1h", "age >= 1h", "age > 59m", "age < 61m", "age != 1m"});
  ExpectNoMatch(subject, {"age > 1h", "age < 1h", "age != 1h"});
  ExpectNoMatch({.sample = &sample}, {"age = 1h", "age != 1h"});
}

TEST(FilterComparison, ProvesOnlyThatTheRestIsOlder) {
  sockets::ConnectionSample sample = Web();
  sample.values.Set(Field::kFirstSeenAtMs, kNowMs - 1000);
  sample.values.Set(Field::kOpeningSeen, 0);
  sample.values.Set(Field::kLastDataSentAtMs, kNowMs - kHourMs);
  const Subject subject{.sample = &sample, .now_ns = kNowMs * 1'000'000};
  ExpectMatches(subject, {"age > 59m", "age >= 1h", "age != 59m", "not age < 1h", "not age <= 1s"});
  ExpectNoMatch(subject, {"age > 1h", "age < 1h", "age < 2h", "age = 1h", "age <= 1h", "age != 1h",
                          "not age > 59m"});
}

TEST(FilterComparison, ComparesHowLongAgoMomentsWere) {
  sockets::ConnectionSample sample = Web();
  sample.values.Set(Field::kLastDataSentAtMs, kNowMs - 5000);
  sample.values.Set(Field::kLastDataRecvAtMs, kNowMs - 2000);
  sample.values.Set(Field::kTimerExpiresAtMs, kNowMs + 300);
  const Subject subject{.sample = &sample, .now_ns = kNowMs * 1'000'000};
  ExpectMatches(subject, {"last_data_sent = 5s", "lastrcv < 3s", "last_data_recv_at_ms = 2s",
                          "idle = 2s", "timer_expires < 1s", "timer_expires = 300ms"});
  // Before the handshake the kernel's moments mean nothing.
  sample.values.Set(Field::kState, static_cast<uint64_t>(TcpState::kSynSent));
  ExpectNoMatch(subject, {"last_data_sent > 0", "idle >= 0", "age >= 0"});
}

TEST(FilterComparison, SaysWhatItNeeds) {
  const auto parse = [](absl::string_view text) { return *Filter::Parse(text); };
  const Filter plain = parse("state established dport = :443 and rtt > 1ms");
  EXPECT_EQ(
      plain.Fields(),
      sockets::FieldMask().set(sockets::SlotOf(Field::kState)).set(sockets::SlotOf(Field::kRtt)));
  EXPECT_FALSE(plain.NeedsProcess() || plain.NeedsCgroup() || plain.NeedsDerived() ||
               plain.NeedsHost());
  EXPECT_TRUE(parse("pid = 1").NeedsProcess());
  EXPECT_TRUE(parse("command ~ x").NeedsProcess());
  EXPECT_TRUE(parse("cgroup = /").NeedsCgroup());
  EXPECT_TRUE(parse("limited = cwnd").NeedsDerived());
  EXPECT_TRUE(parse("send_rate > 1k").NeedsDerived());
  EXPECT_TRUE(parse("send_rate > 1k").Fields()[sockets::SlotOf(Field::kBytesSent)]);
  EXPECT_TRUE(parse("age > 1h").Fields()[sockets::SlotOf(Field::kOpeningSeen)]);
  EXPECT_TRUE(parse("host = web1").NeedsHost());
}

TEST(FilterForHost, DecidesWhatIsSaidOfTheHost) {
  const Filter filter = *Filter::Parse("( host = web* and rtt > 1ms ) or ( host = db1 uid = 0 )");
  EXPECT_EQ(filter.ForHost("web7").text(), "rtt > 1ms");
  EXPECT_EQ(filter.ForHost("db1").text(), "uid = 0");
  EXPECT_TRUE(filter.ForHost("cache").NeverMatches());
  EXPECT_FALSE(filter.ForHost("web7").NeedsHost());
}

TEST(FilterForHost, KeepsTheStatesItWasParsedWith) {
  const Filter any = *Filter::Parse("state established or host = web1");
  EXPECT_EQ(any.ForHost("web1").text(), "state all");
  EXPECT_EQ(any.ForHost("web2").text(), "state established");
  EXPECT_EQ(Filter::Parse("not host = web1")->ForHost("web2").text(), "");
  EXPECT_EQ(Filter::Parse("host = web1")->ForHost("web2").text(), "exclude all");
}

}  // namespace
}  // namespace tcpfleet::filter
