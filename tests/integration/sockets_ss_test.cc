// Ten thousand live connections in every state that lasts, field by field against `ss`.
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "common/base/status_macros.h"
#include "common/sockets/state_names.h"
#include "common/sys/tcp_socket.h"
#include "tests/integration/sockets_fixture.h"
#include "tests/integration/ss_output.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_client.h"
#include "tests/support/plain_server.h"

namespace tcpfleet::tests {
namespace {

using sockets::ConnectionSample;
using sockets::Field;
using ::testing::AnyOf;

constexpr size_t kConnections = 10'000;
constexpr int64_t kSlackMs = 50;  // jiffies, rounding, and the sampler's hysteresis of moments

using SsByCookie = std::unordered_map<uint64_t, SsSocket>;

// One look at all sockets: ss, ours, ss.
struct Look {
  SsByCookie before;
  SocketsSnapshot ours;
  SsByCookie after;
};

SsWords WithoutAges(SsWords words) {
  for (const char* age : kSsAges) words.erase(age);
  return words;
}

// ss says more of LISTEN sockets: fields of tcp_info mean other things there.
SsWords Comparable(const SsSocket& socket) {
  SsWords words = WithoutAges(socket.words);
  if (socket.state == "LISTEN") {
    for (const char* word : {"cwnd", "unacked", "rto", "reordering"}) words.erase(word);
  }
  return words;
}

bool IsQuiet(const SsSocket& before, const SsSocket& after) {
  const auto timer_kind = [](const SsSocket& socket) {
    const auto timer = socket.words.find("timer");
    return timer == socket.words.end() ? "" : timer->second.substr(0, timer->second.find(','));
  };
  return before.state == after.state && before.receive_queue == after.receive_queue &&
         before.send_queue == after.send_queue && timer_kind(before) == timer_kind(after) &&
         WithoutAges(before.words) == WithoutAges(after.words);
}

std::string Difference(const SsWords& ss, const SsWords& ours) {
  std::string text;
  for (const auto& [name, value] : ss) {
    const auto found = ours.find(name);
    if (found == ours.end()) {
      absl::StrAppend(&text, " ", name, ": ss '", value, "', ours nothing;");
    } else if (found->second != value) {
      absl::StrAppend(&text, " ", name, ": ss '", value, "', ours '", found->second, "';");
    }
  }
  for (const auto& [name, value] : ours) {
    const bool is_newer = std::count(std::begin(kSsNewer), std::end(kSsNewer), name) != 0;
    if (ss.count(name) == 0 && !is_newer)
      absl::StrAppend(&text, " ", name, ": ss nothing, ours '", value, "';");
  }
  return text;
}

// "103ms(98.1%)" and "103" as 103; nothing is 0.
int64_t LeadingNumber(const SsWords& words, const std::string& name) {
  const auto found = words.find(name);
  return found == words.end() ? 0 : std::atoll(found->second.c_str());
}

std::string CompareAges(const SsSocket& before, const ConnectionSample& sample,
                        const SsSocket& after, int64_t now_ms) {
  std::string text;
  const auto between = [&](const std::string& name, int64_t ours, int64_t from, int64_t to,
                           int64_t slack) {
    if (ours < from - slack || ours > to + slack) {
      absl::StrAppend(&text, " ", name, ": ss ", from, " to ", to, ", ours ", ours, ";");
    }
  };
  const auto age = [&](const char* name, Field field) {
    if (!sample.values.Has(field)) return;
    between(name, now_ms - static_cast<int64_t>(sample.values.Get(field)),
            LeadingNumber(before.words, name), LeadingNumber(after.words, name), kSlackMs);
  };
  age("lastsnd", Field::kLastDataSentAtMs);
  age("lastrcv", Field::kLastDataRecvAtMs);
  age("lastack", Field::kLastAckRecvAtMs);
  const auto time = [&](const char* name, Field field) {
    between(name, static_cast<int64_t>(sample.values.Get(field) / 1000),
            LeadingNumber(before.words, name), LeadingNumber(after.words, name), 0);
  };
  if (sample.values.Get(Field::kBusyTime) != 0) {
    time("busy", Field::kBusyTime);
    time("rwnd_limited", Field::kRwndLimited);
    time("sndbuf_limited", Field::kSndbufLimited);
  }
  return text;
}

std::string CompareTimer(const SsSocket& before, const ConnectionSample& sample,
                         const SsSocket& after, int64_t now_ms) {
  constexpr const char* kTimers[] = {"", "on", "keepalive", "timewait", "persist", "delack"};
  const auto found = after.words.find("timer");
  const uint64_t kind = sample.values.Get(Field::kTimer);
  if (found == after.words.end()) return kind == 0 ? "" : " timer: ss nothing;";
  // (keepalive,119min,0)
  const std::vector<std::string> parts = absl::StrSplit(found->second, absl::ByAnyChar("(,)"));
  if (parts.size() < 4 || kind >= std::size(kTimers) || parts[1] != kTimers[kind] ||
      parts[3] != absl::StrCat(sample.values.Get(Field::kTimerRetransmits))) {
    return absl::StrCat(" timer: ss ", found->second, ", ours ", kind, ",",
                        sample.values.Get(Field::kTimerRetransmits), ";");
  }
  const std::vector<std::string> earlier =
      absl::StrSplit(before.words.at("timer"), absl::ByAnyChar("(,)"));
  const SsTime from = ParseSsTime(parts[2]).value();
  const SsTime to = ParseSsTime(earlier[2]).value();
  const int64_t left = static_cast<int64_t>(sample.values.Get(Field::kTimerExpiresAtMs)) - now_ms;
  if (left < from.ms - kSlackMs || left > to.ms + to.resolution_ms + kSlackMs) {
    return absl::StrCat(" timer: ss ", to.ms, " to ", from.ms, " ms, ours ", left, ";");
  }
  return "";
}

std::string CompareQueuesAndOwner(const SsSocket& ss, const ConnectionSample& sample) {
  std::string text;
  const bool is_listener = ss.state == "LISTEN";
  const uint64_t first =
      sample.values.Get(is_listener ? Field::kAcceptQueue : Field::kReceiveQueue);
  const uint64_t second = sample.values.Get(is_listener ? Field::kBacklog : Field::kSendQueue);
  if (ss.receive_queue != first || ss.send_queue != second) {
    absl::StrAppend(&text, " queues: ss ", ss.receive_queue, " ", ss.send_queue, ", ours ", first,
                    " ", second, ";");
  }
  const sockets::Process* process = sample.identity.process.get();
  const bool is_owner = process == nullptr
                            ? ss.pids.empty()
                            : std::count(ss.pids.begin(), ss.pids.end(), process->pid) != 0;
  if (!is_owner) {
    absl::StrAppend(&text, " owner: ss ", absl::StrJoin(ss.pids, ","), ", ours ",
                    process == nullptr ? 0 : process->pid, ";");
  }
  if (ss.local != ExpectedLocal(sample) || ss.remote != ExpectedRemote(sample)) {
    absl::StrAppend(&text, " addresses: ss ", ss.local, " ", ss.remote, ", ours ",
                    ExpectedLocal(sample), " ", ExpectedRemote(sample), ";");
  }
  return text;
}

class SocketsSsTest : public SocketsTest {
 protected:
  // What ss says of the sockets that are not compared yet.
  absl::StatusOr<SsByCookie> RunSs(const Host& host) {
    TF_ASSIGN_OR_RETURN(const CommandResult result, host.Command({"ss", "-tinHOepma"}));
    std::string left;
    for (const absl::string_view line : absl::StrSplit(result.out, '\n', absl::SkipEmpty())) {
      const absl::string_view from_cookie = line.substr(std::min(line.find(" sk:"), line.size()));
      uint64_t cookie = 0;
      const std::vector<absl::string_view> words =
          absl::StrSplit(from_cookie, absl::MaxSplits(' ', 2));
      const bool is_known = words.size() > 1 && absl::SimpleHexAtoi(words[1].substr(3), &cookie);
      if (!is_known || compared_.count(cookie) == 0) absl::StrAppend(&left, line, "\n");
    }
    TF_ASSIGN_OR_RETURN(const std::vector<SsSocket> parsed, ParseSs(left));
    SsByCookie sockets;
    for (const SsSocket& socket : parsed) sockets.emplace(socket.cookie, socket);
    return sockets;
  }

  void Take(const Host& host, controller::AgentClient& client, Look& look) {
    v1::SnapshotRequest request;
    request.set_filter("state all");
    request.set_processes(true);
    look.before = RunSs(host).value();
    look.ours = Snapshot(client, request).value();
    look.after = RunSs(host).value();
  }

  // Compares what was quiet during the look; answers how many sockets are left to compare.
  size_t Compare(const Look& look) {
    std::unordered_map<uint64_t, const ConnectionSample*> ours;
    for (const ConnectionSample& sample : look.ours.connections) {
      EXPECT_TRUE(ours.emplace(sample.identity.cookie, &sample).second) << "twice in a snapshot";
    }
    size_t left = 0;
    for (const auto& [cookie, before] : look.before) {
      const auto after = look.after.find(cookie);
      if (!before.is_whole()) continue;
      if (after == look.after.end() || !IsQuiet(before, after->second)) {
        ++left;
        continue;
      }
      compared_.insert(cookie);
      const auto found = ours.find(cookie);
      std::string difference = " missing;";
      if (found != ours.end()) {
        const ConnectionSample& sample = *found->second;
        const int64_t now_ms = look.ours.monotonic_ns / 1'000'000;
        difference = Difference(Comparable(after->second), ExpectedWords(sample));
        absl::StrAppend(&difference, CompareQueuesAndOwner(after->second, sample),
                        CompareTimer(before, sample, after->second, now_ms));
        if (before.state != "LISTEN") {
          absl::StrAppend(&difference, CompareAges(before, sample, after->second, now_ms));
        }
        if (sockets::StateName(sample.values.Get(Field::kState)) != before.state) {
          absl::StrAppend(&difference, " another state;");
        }
      }
      if (!difference.empty() && ++mismatches_ <= kMostShown) {
        ADD_FAILURE() << before.state << " " << before.local << " " << before.remote << difference;
      }
      ++states_[before.state];
      for (const auto& [name, value] : before.words) ++words_[name];
    }
    return left;
  }

  static constexpr size_t kMostShown = 20;
  std::set<uint64_t> compared_;
  size_t mismatches_ = 0;
  std::map<std::string, size_t> states_;
  std::map<std::string, size_t> words_;
};

TEST_F(SocketsSsTest, AgreesWithSsInEveryFieldOfTenThousandConnections) {
  TestAgent& web = AddWatchedAgent("web1");
  const Host& host = *web.host;
  const auto client = NewClient(web);

  // Both ends here, on both families.
  std::vector<Crowd> crowds;
  crowds.push_back(AddCrowd(host, host.ipv4(),
                            {"connect", "e4500", "u200", "f5", "s100", "a100", "c20", "t20"}));
  crowds.push_back(AddCrowd(host, host.ipv6(),
                            {"connect", "e4700", "u200", "f5", "s100", "a100", "c20", "t20"}));

  // A listener with connections nobody accepted yet.
  Host& plain = AddHost("plain");
  const auto full =
      PlainServer::Create(PlainServer::Behaviour::kFullBacklog, {host.ipv4(), 0}, &host.network());
  ASSERT_TRUE(full.ok()) << full.status();

  // Then the other host falls silent, and what happens here stays unanswered there.
  const auto hold =
      PlainServer::Create(PlainServer::Behaviour::kHold, {plain.ipv4(), 0}, &plain.network());
  const auto closer =
      PlainServer::Create(PlainServer::Behaviour::kClose, {plain.ipv4(), 0}, &plain.network());
  std::vector<sys::UniqueFd> open;
  for (int i = 0; i < 4; ++i) {
    open.push_back(ConnectTo((*hold)->endpoint(), &host.network()).value());
  }
  sys::UniqueFd last_ack = ConnectTo((*closer)->endpoint(), &host.network()).value();
  char byte = 0;
  ASSERT_EQ(::recv(last_ack.get(), &byte, 1, 0), 0);
  ASSERT_EQ(plain
                .Command({"nft", absl::StrCat("table inet silence { chain arriving { type filter "
                                              "hook input priority 0; ip saddr ",
                                              host.ipv4().ToString(), " drop; }; }")})
                .value()
                .exit_code,
            0);
  ASSERT_EQ(::shutdown(open[0].get(), SHUT_WR), 0);           // FIN-WAIT-1
  ASSERT_EQ(::send(open[1].get(), "unanswered", 10, 0), 10);  // retransmits
  last_ack.Reset();                                           // LAST-ACK
  sys::UniqueFd syn_recv(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  sys::UniqueFd syn_sent(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  ASSERT_TRUE(plain
                  .Run([&] {
                    syn_recv.Reset(sys::NewTcpSocket(AF_INET));
                    sys::Connect(syn_recv.get(), sys::ToSocketAddress(crowds[0].endpoint));
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_TRUE(host.Run([&] {
                    syn_sent.Reset(sys::NewTcpSocket(AF_INET));
                    sys::Connect(syn_sent.get(), sys::ToSocketAddress({plain.ipv4(), 9}));
                    return absl::OkStatus();
                  })
                  .ok());

  Look look;
  size_t left = 0;
  const bool all_compared = EventuallyTrue(
      [&] {
        Take(host, *client, look);
        left = Compare(look);
        return left == 0;
      },
      absl::Seconds(70));
  EXPECT_TRUE(all_compared) << left << " sockets never stood still";
  EXPECT_EQ(mismatches_, 0u);
  EXPECT_GE(compared_.size(), 2 * kConnections);
  for (const char* state :
       {"ESTAB", "LISTEN", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2", "LAST-ACK", "SYN-SENT"}) {
    EXPECT_GT(states_[state], 0u) << state;
  }
  for (const char* word :
       {"timer", "skmem", "lastsnd", "busy", "rwnd_limited", "retrans", "backoff", "notsent"}) {
    EXPECT_GT(words_[word], 0u) << word;
  }
  const auto count = [](const SsByCookie& sockets, const char* state) {
    return static_cast<uint64_t>(
        std::count_if(sockets.begin(), sockets.end(),
                      [&](const auto& entry) { return entry.second.state == state; }));
  };
  EXPECT_THAT(look.ours.completeness.time_wait(),
              AnyOf(count(look.before, "TIME-WAIT"), count(look.after, "TIME-WAIT")));
  EXPECT_THAT(look.ours.completeness.syn_recv(),
              AnyOf(count(look.before, "SYN-RECV"), count(look.after, "SYN-RECV")));
  RecordProperty("compared", static_cast<int>(compared_.size()));
}

}  // namespace
}  // namespace tcpfleet::tests
