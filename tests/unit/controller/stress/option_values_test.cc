#include <gtest/gtest.h>

#include <fstream>

#include "controller/stress/load_shape.h"
#include "controller/stress/options.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;
using A = StressArguments;
using Spec = v1::StressSpec;

A With(const std::string& workload, bool own_server = false) {
  A arguments;
  arguments.workload = workload;
  if (own_server) {
    arguments.serve = {"a"};
  } else {
    arguments.targets = {"198.18.0.3:80"};
  }
  return arguments;
}

Spec Parsed(const A& arguments) {
  const auto options = ParseStressOptions(arguments);
  EXPECT_THAT(options, IsOk());
  return options.ok() ? options->spec : Spec();
}

void ExpectRefused(const A& arguments, const std::string& text) {
  EXPECT_THAT(ParseStressOptions(arguments),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
}

TEST(StressOptionValues, SetTheLoad) {
  A arguments = With("rr");
  arguments.rate = "2k";
  arguments.arrivals = "exponential";
  arguments.seed = "9";
  arguments.cooldown = "500ms";
  arguments.pipeline = "4";
  arguments.lifetime = "30s";
  arguments.requests_per_connection = "100";
  arguments.reconnect = "backoff:100ms-10s";
  arguments.timer = "precise";
  arguments.exemplars = "5";
  arguments.share = "true";
  const Spec spec = Parsed(arguments);
  EXPECT_EQ(spec.rate_per_second(), 2'000);
  EXPECT_EQ(spec.arrivals().kind(), v1::Arrivals::KIND_EXPONENTIAL);
  EXPECT_EQ(spec.arrivals().seed(), 9u);
  EXPECT_EQ(spec.cooldown_ms(), 500u);
  EXPECT_EQ(spec.pipeline(), 4u);
  EXPECT_EQ(spec.lifetime_ms(), 30'000u);
  EXPECT_EQ(spec.requests_per_connection(), 100u);
  EXPECT_EQ(spec.reconnect().policy(), v1::Reconnect::POLICY_BACKOFF);
  EXPECT_EQ(spec.reconnect().first_ms(), 100u);
  EXPECT_EQ(spec.reconnect().most_ms(), 10'000u);
  EXPECT_EQ(spec.timer(), Spec::TIMER_PRECISE);
  EXPECT_EQ(spec.exemplars(), 5u);
  EXPECT_TRUE(spec.share_host());
}

TEST(StressOptionValues, SetSocketOptionsByTheirFieldTerms) {
  A arguments = With("rr");
  arguments.socket_options = {"congestion=bbr", "sndbuf=1M",        "rcvbuf=64k",        "dscp=EF",
                              "mark=0x10",      "user-timeout=10s", "notsent-lowat=16k", "fastopen",
                              "quickack",       "interface=eth1",   "nodelay=off"};
  arguments.sources = {"198.18.0.0/28", "2001:db8::1"};
  arguments.ports = "own";
  const Spec spec = Parsed(arguments);
  const v1::SocketOptions& options = spec.socket_options();
  EXPECT_EQ(options.congestion_control(), "bbr");
  EXPECT_EQ(options.send_buffer_bytes(), 1'000'000u);
  EXPECT_EQ(options.receive_buffer_bytes(), 64'000u);
  EXPECT_EQ(options.dscp(), 46u);
  EXPECT_EQ(options.mark(), 16u);
  EXPECT_EQ(options.user_timeout_ms(), 10'000u);
  EXPECT_EQ(options.notsent_lowat_bytes(), 16'000u);
  EXPECT_TRUE(options.fast_open());
  EXPECT_TRUE(options.quick_ack());
  EXPECT_EQ(options.bind_interface(), "eth1");
  EXPECT_FALSE(options.no_delay());
  EXPECT_THAT(spec.sources(), ElementsAre("198.18.0.0/28", "2001:db8::1"));
  EXPECT_EQ(spec.port_choice(), Spec::PORT_CHOICE_OWN);
}

TEST(StressOptionValues, KnowTheClassesOfDscp) {
  const std::pair<const char*, uint32_t> classes[] = {
      {"0", 0}, {"63", 63}, {"CS6", 48}, {"AF11", 10}, {"AF43", 38}, {"LE", 1}, {"VA", 44}};
  for (const auto& [name, dscp] : classes) {
    A arguments = With("rr");
    arguments.socket_options = {std::string("dscp=") + name};
    EXPECT_EQ(Parsed(arguments).socket_options().dscp(), dscp) << name;
  }
}

TEST(StressOptionValues, TakeRequestsForForeignServers) {
  A arguments = With("rr");
  arguments.request = "PING\\r\\n\\x00";
  arguments.response_until = "\\n";
  Spec spec = Parsed(arguments);
  EXPECT_EQ(spec.request(), std::string("PING\r\n\0", 7));
  EXPECT_EQ(spec.response_delimiter(), "\n");
  EXPECT_EQ(spec.request_bytes(), 0u);

  const std::string path = ::testing::TempDir() + "/request_bytes";
  std::ofstream(path) << "raw \\n";
  arguments.request = "@" + path;
  arguments.response_until.clear();
  arguments.response_bytes = "7";
  spec = Parsed(arguments);
  EXPECT_EQ(spec.request(), "raw \\n");
  EXPECT_EQ(spec.response_bytes(), 7u);

  A http = With("crr");
  http.http = "/index.html?a=b";
  http.http_headers = {"Accept: */*"};
  spec = Parsed(http);
  EXPECT_EQ(spec.http().path(), "/index.html?a=b");
  EXPECT_THAT(spec.http().headers(), ElementsAre("Accept: */*"));
  EXPECT_EQ(spec.response_bytes(), 0u);
}

TEST(StressOptionValues, SetServerBehaviors) {
  A arguments = With("rr", /*own_server=*/true);
  arguments.server_behavior = {"accept-delay=10ms", "reply-delay=5ms", "reset-after=100",
                               "reset-at=5s", "reset-at=2s"};
  const v1::ServerBehavior behavior = Parsed(arguments).behavior();
  EXPECT_EQ(behavior.accept_delay_ms(), 10u);
  EXPECT_EQ(behavior.reply_delay_ms(), 5u);
  EXPECT_EQ(behavior.reset_after_requests(), 100u);
  EXPECT_THAT(behavior.reset_at_ms(), ElementsAre(3'000, 6'000));  // since the start
  arguments.server_behavior = {"zero-window"};
  EXPECT_TRUE(Parsed(arguments).behavior().zero_window());
  arguments.server_behavior = {"silent"};
  EXPECT_TRUE(Parsed(arguments).behavior().silent());
}

TEST(StressOptionValues, SetStreamsAndHeartbeats) {
  A stream = With("stream");
  EXPECT_EQ(Parsed(stream).direction(), Spec::DIRECTION_SEND);
  EXPECT_EQ(Parsed(stream).write_bytes(), 131'072u);
  stream.direction = "both";
  stream.write_size = "16k";
  EXPECT_EQ(Parsed(stream).direction(), Spec::DIRECTION_BOTH);
  EXPECT_EQ(Parsed(stream).write_bytes(), 16'000u);
  A hold = With("hold", /*own_server=*/true);
  hold.heartbeat = "30s";
  EXPECT_EQ(Parsed(hold).heartbeat_ms(), 30'000u);
  EXPECT_EQ(Parsed(hold).dead_after_ms(), 90'000u);
}

TEST(StressOptionValues, GiveTargetsWeights) {
  A arguments = With("rr");
  arguments.targets = {"a:1*3", "[2001:db8::1]:2"};
  const Spec spec = Parsed(arguments);
  EXPECT_EQ(spec.targets(0).weight(), 3u);
  EXPECT_EQ(spec.targets(0).port(), 1u);
  EXPECT_EQ(spec.targets(1).weight(), 0u);
  arguments.targets = {"a:1*0"};
  ExpectRefused(arguments, "--target WEIGHT");
}

struct Refusal {
  const char* workload;
  bool own_server;
  std::string A::*option;
  const char* value;
  const char* complaint;
};

TEST(StressOptionValues, RefuseWhatDoesNotApply) {
  const Refusal refusals[] = {
      {"crr", false, &A::pipeline, "2", "--pipeline: does not apply to crr, only to rr"},
      {"rr", false, &A::pipeline, "1025", "--pipeline"},
      {"rr", false, &A::seed, "1", "--seed: only --arrivals exponential"},
      {"rr", false, &A::arrivals, "exponental", "did you mean 'exponential'?"},
      {"rr", false, &A::arrivals, "exponential", "give --rate"},
      {"hold", false, &A::rate_per_connection, "5", "--rate-per-connection: does not apply"},
      {"hold", false, &A::think_time, "5ms", "--think-time: does not apply"},
      {"crr", false, &A::lifetime, "5s", "--lifetime: does not apply"},
      {"hold", false, &A::requests_per_connection, "5", "only to rr"},
      {"crr", false, &A::reconnect, "never", "--reconnect: does not apply"},
      {"rr", false, &A::reconnect, "backoff", "backoff:FIRST-MOST"},
      {"rr", false, &A::reconnect, "backoff:10s-1s", "MOST is less"},
      {"rr", false, &A::timer, "fast", "not one of eco, precise"},
      {"rr", false, &A::request, "", ""},
      {"rr", true, &A::request, "x", "--request: is for servers of others"},
      {"rr", true, &A::http, "/", "--http: is for servers of others"},
      {"hold", false, &A::http, "/", "--http: does not apply to hold"},
      {"rr", false, &A::http, "index.html", "not a path"},
      {"rr", false, &A::http, "http://a/b", "not a path"},
      {"rr", false, &A::http, "/a b", "not a path"},
      {"rr", false, &A::response_until, "x", "say what is sent"},
      {"rr", false, &A::request, "\\q", "escapes are those of C"},
      {"rr", false, &A::request, "@/nonexistent/file", "--request: "},
      {"crr", false, &A::direction, "send", "--direction: does not apply"},
      {"stream", false, &A::direction, "up", "not one of send, receive, both"},
      {"rr", false, &A::write_size, "1k", "--write-size: does not apply"},
      {"hold", false, &A::heartbeat, "1s", "--heartbeat: needs our own server"},
      {"hold", true, &A::dead_after, "1s", "--dead-after: needs --heartbeat"},
      {"rr", true, &A::heartbeat, "1s", "--heartbeat: does not apply"},
      {"rr", true, &A::close, "server-fin", "does not apply to rr"},
      {"crr", false, &A::close, "server-fin", "needs our own server"},
      {"rr", false, &A::ports, "mine", "not one of auto, kernel, own"},
      {"rr", false, &A::mesh, "all", "exclude each other"},
      {"rr", false, &A::pairs, "file", "exclude each other"},
      {"rr", false, &A::abort_on_fail, "true", "no --threshold"},
      {"rr", false, &A::exemplars, "65", "--exemplars"},
  };
  for (const Refusal& refusal : refusals) {
    SCOPED_TRACE(std::string(refusal.workload) + " " + refusal.complaint);
    A arguments = With(refusal.workload, refusal.own_server);
    arguments.*refusal.option = refusal.value;
    if (*refusal.complaint == '\0') {
      EXPECT_THAT(ParseStressOptions(arguments), IsOk());
    } else {
      ExpectRefused(arguments, refusal.complaint);
    }
  }
}

TEST(StressOptionValues, RefuseCombinationsThatContradict) {
  A arguments = With("rr");
  arguments.rate = "5";
  arguments.rate_per_connection = "5";
  ExpectRefused(arguments, "exclude each other");
  arguments = With("rr");
  arguments.rate = "5";
  arguments.think_time = "5ms";
  ExpectRefused(arguments, "--think-time: with a rate");
  arguments = With("rr");
  arguments.pipeline = "2";
  arguments.think_time = "5ms";
  ExpectRefused(arguments, "--think-time: with --pipeline");
  arguments = With("rr");
  arguments.http = "/";
  arguments.request_bytes = "5";
  ExpectRefused(arguments, "--request-bytes: --http says itself");
  arguments = With("rr");
  arguments.request = "x";
  arguments.request_bytes = "5";
  ExpectRefused(arguments, "--request has its own size");
  arguments = With("rr");
  arguments.http_headers = {"A: b"};
  ExpectRefused(arguments, "--http-header: needs --http");
  arguments = With("hold", true);
  arguments.heartbeat = "3s";
  arguments.dead_after = "3s";
  ExpectRefused(arguments, "must be longer");
}

TEST(StressOptionValues, RefuseMalformedLists) {
  const std::pair<const char*, const char*> sockets[] = {
      {"congestoin=bbr", "did you mean 'congestion'?"},
      {"congestion=", "1 to 15 characters"},
      {"congestion=a-name-that-is-too-long", "1 to 15 characters"},
      {"dscp=64", "0 to 63"},
      {"dscp=AF51", "0 to 63"},
      {"mark=many", "32-bit"},
      {"sndbuf=0", "sndbuf"},
      {"interface=a/b", "1 to 15 characters"},
      {"nodelay=maybe", "on or off"},
  };
  for (const auto& [text, complaint] : sockets) {
    A arguments = With("rr");
    arguments.socket_options = {text};
    ExpectRefused(arguments, complaint);
  }
  A twice = With("rr");
  twice.socket_options = {"dscp=1", "dscp=2"};
  ExpectRefused(twice, "comes twice");
  const std::pair<std::vector<std::string>, const char*> behaviors[] = {
      {{"slient"}, "did you mean 'silent'?"},
      {{"accept-delay"}, "accept-delay=VALUE"},
      {{"silent=1"}, "takes no value"},
      {{"silent", "reply-delay=1ms"}, "never answers"},
      {{"zero-window", "reset-after=1"}, "reads nothing"},
      {{"reset-after=1", "reset-after=2"}, "comes twice"},
      {{"reset-at=1h"}, "out of range"},
  };
  for (const auto& [texts, complaint] : behaviors) {
    A arguments = With("rr", true);
    arguments.server_behavior = texts;
    ExpectRefused(arguments, complaint);
  }
  A foreign = With("rr");
  foreign.server_behavior = {"silent"};
  ExpectRefused(foreign, "needs our own server");
  A source = With("rr");
  source.sources = {"198.18.0.0/40"};
  ExpectRefused(source, "--source");
  for (const char* const header : {"no colon", "a b: c", ": c", "a: b\r\nc: d"}) {
    A http = With("rr");
    http.http = "/";
    http.http_headers = {header};
    ExpectRefused(http, "--http-header");
  }
}

TEST(StressOptionValues, ReadPairsOfAFile) {
  const std::string path = ::testing::TempDir() + "/pairs";
  std::ofstream(path) << "a -> b\nb -> a@10.0.0.1\n";
  A arguments;
  arguments.workload = "rr";
  arguments.pairs = path;
  const auto options = ParseStressOptions(arguments);
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->pairs.size(), 2u);
  arguments.pairs = "/nonexistent/pairs";
  ExpectRefused(arguments, "--pairs: ");
}

}  // namespace
}  // namespace tcpfleet::controller
