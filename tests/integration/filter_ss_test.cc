// Random expressions in the language of ss(8), on live sockets: `ss` and our filter select the same
// rows, through the kernel program and without it.
//
// What ss does twice, in the kernel and in itself, it does not do quite the same: itself it forgets
// the family when it compares addresses. So the addresses here look like none of the other family
// within their prefix, as 0.0.0.0 and :: would.
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/substitute.h>
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <random>
#include <set>

#include "common/base/status_macros.h"
#include "common/filter/filter.h"
#include "common/netlink/inet_diag.h"
#include "common/netlink/netlink_socket.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"
#include "tests/support/eventually.h"
#include "tests/support/network_lab.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

constexpr int kExpressions = 500;

// "127.0.0.1:80 198.18.0.1:40000"
using Rows = std::multiset<std::string>;

// What inet_diag knows of a socket: also of those that the agent does not model.
using Sample = sockets::ConnectionSample;

std::string RowOf(const Sample& sample) {
  return absl::StrCat(sample.identity.local.ToString(), " ", sample.identity.remote.ToString());
}

// ss prints "*" for any address of both families and for no port.
std::string EndpointOf(absl::string_view text) {
  const size_t colon = text.rfind(':');
  const std::string address(text.substr(0, colon));
  const std::string port(text.substr(colon + 1));
  return absl::StrCat(address == "*" ? "[::]" : address, ":", port == "*" ? "0" : port);
}

Rows ParseSs(const std::string& out) {
  Rows rows;
  for (const absl::string_view line : absl::StrSplit(out, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    // The state is left out when only one is asked for.
    uint64_t number = 0;
    const size_t first = absl::SimpleAtoi(words[0], &number) ? 2 : 3;
    rows.insert(absl::StrCat(EndpointOf(words.at(first)), " ", EndpointOf(words.at(first + 1))));
  }
  return rows;
}

// Sockets of both families in several states, in one network namespace.
class Zoo {
 public:
  absl::Status Fill(const base::IpAddress& v4, const base::IpAddress& v6) {
    const auto loopback = [](int last) {
      return *base::IpAddress::Parse(absl::StrCat("127.0.0.", last));
    };
    const base::IpAddress loopback6 = *base::IpAddress::Parse("::1");
    const base::IpAddress any6 = *base::IpAddress::Parse("::");
    const base::IpAddress any4 = *base::IpAddress::Parse("0.0.0.0");
    for (const base::IpAddress& at : {loopback(1), loopback(2), v4, loopback6, v6}) {
      TF_ASSIGN_OR_RETURN(const base::Endpoint listener, Listen(at, 64));
      TF_RETURN_IF_ERROR(Connections(listener));
    }
    TF_ASSIGN_OR_RETURN(const base::Endpoint dual, Listen(any6, 64));
    for (const base::IpAddress& to : {loopback(1), loopback(2), v4, loopback6, v6}) {
      TF_RETURN_IF_ERROR(Connections({to, dual.port}));
    }
    TF_RETURN_IF_ERROR(Listen(any4, 64).status());
    // Connections that nobody accepts: the third SYN is dropped, again and again.
    TF_ASSIGN_OR_RETURN(const base::Endpoint full, Listen(loopback(1), 0));
    for (int i = 0; i < 4; ++i) {
      sockets_.emplace_back(sys::NewTcpSocket(AF_INET));
      sys::Connect(sockets_.back().get(), sys::ToSocketAddress(full));
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<base::Endpoint> Listen(const base::IpAddress& at, int backlog) {
    sys::UniqueFd fd(::socket(at.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sys::SocketAddress address = sys::ToSocketAddress({at, 0});
    if (::bind(fd.get(), address.get(), address.length) != 0 || ::listen(fd.get(), backlog) != 0) {
      return absl::ErrnoToStatus(errno, "listen");
    }
    TF_ASSIGN_OR_RETURN(const base::Endpoint bound, sys::LocalEndpoint(fd.get()));
    listener_ = fd.get();
    sockets_.push_back(std::move(fd));
    return base::Endpoint{at, bound.port};
  }

  // Established; closed by one end (FIN-WAIT-2 and CLOSE-WAIT); closed by both (TIME-WAIT).
  absl::Status Connections(const base::Endpoint& to) {
    for (int kind = 0; kind < 4; ++kind) {
      TF_ASSIGN_OR_RETURN(sys::UniqueFd client, Connect(to));
      sys::UniqueFd server(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
      if (kind == 1) ::shutdown(client.get(), SHUT_WR);
      if (kind == 2) ::shutdown(server.get(), SHUT_WR);
      if (kind == 3) continue;  // closes both
      sockets_.push_back(std::move(client));
      sockets_.push_back(std::move(server));
    }
    return absl::OkStatus();
  }

  // The kernel adds the route to an IPv6 address of its own some time after the address.
  static absl::StatusOr<sys::UniqueFd> Connect(const base::Endpoint& to) {
    const sys::SocketAddress address = sys::ToSocketAddress(to);
    sys::UniqueFd client;
    const bool is_connected = EventuallyTrue([&] {
      client = sys::UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
      return ::connect(client.get(), address.get(), address.length) == 0;
    });
    if (!is_connected) return absl::UnavailableError(absl::StrCat("connect to ", to.ToString()));
    return client;
  }

  std::vector<sys::UniqueFd> sockets_;
  int listener_ = -1;
};

// A dump of our own, so that this test holds for the filter whatever the agent does with it.
absl::StatusOr<std::vector<Sample>> Dump(sockets::StateMask states, filter::FamilyMask families,
                                         const std::vector<std::byte>& program) {
  std::vector<Sample> samples;
  TF_ASSIGN_OR_RETURN(netlink::NetlinkSocket socket,
                      netlink::NetlinkSocket::Open(NETLINK_SOCK_DIAG));
  for (const uint8_t family : std::array<uint8_t, 2>{AF_INET, AF_INET6}) {
    if ((families & (family == AF_INET ? filter::kIpv4 : filter::kIpv6)) == 0) continue;
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = states;
    netlink::MessageBuilder builder(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
    builder.Append(netlink::BytesOf(request));
    if (!program.empty()) builder.AddAttribute(INET_DIAG_REQ_BYTECODE, program);
    TF_RETURN_IF_ERROR(socket.Dump(builder, [&](const netlink::Message& message, int64_t at_ns) {
      const auto parsed = netlink::ParseInetDiagSocket(message.payload);
      if (!parsed.ok()) return;
      Sample sample;
      sample.identity.local = parsed->local;
      sample.identity.remote = parsed->remote;
      sample.values.Set(sockets::Field::kState, parsed->state);
      samples.push_back(std::move(sample));
      (void)at_ns;
    }));
  }
  return samples;
}

// Expressions as ss takes them, about the ports and addresses there are.
class Generator {
 public:
  explicit Generator(const std::vector<Sample>& samples) : random_(20260719) {
    for (const Sample& sample : samples) {
      for (const base::Endpoint& end : {sample.identity.local, sample.identity.remote}) {
        if (end.port != 0) ports_.push_back(end.port);
        const std::string address = end.address.ToString();
        if (address != "0.0.0.0" && address != "::") addresses_.push_back(end.address);
      }
    }
  }

  // `state established exclude time-wait`, or nothing.
  std::vector<std::string> States() {
    static const std::vector<std::string> kWords = {
        "established", "syn-sent", "fin-wait-2", "time-wait",    "close-wait", "listening",
        "connected",   "all",      "bucket",     "synchronized", "big",        "last-ack"};
    std::vector<std::string> words;
    for (int i = Pick(3); i > 0; --i) {
      words.push_back(Pick(3) == 0 ? "exclude" : "state");
      words.push_back(Of(kWords));
    }
    // ss takes no state at all for its default.
    const auto filter = filter::Filter::Parse(absl::StrJoin(words, " "));
    return filter.ok() && filter->StateMask() == 0 ? States() : words;
  }

  std::string Expression(int depth) {
    std::string text = Term(depth);
    for (int i = Pick(3); i > 0; --i) {
      absl::StrAppend(&text, " ", Of({"and ", "& ", "&& ", "or ", "or ", "| ", "|| ", ""}),
                      Term(depth));
    }
    return text;
  }

 private:
  int Pick(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  template <class Value>
  const Value& Of(const std::vector<Value>& values) {
    return values[static_cast<size_t>(Pick(static_cast<int>(values.size())))];
  }
  std::string Of(std::initializer_list<const char*> values) {
    return values.begin()[Pick(static_cast<int>(values.size()))];
  }

  std::string Term(int depth) {
    switch (Pick(depth > 0 ? 5 : 3)) {
      case 0:
        return absl::StrCat(Of({"sport", "dport"}), " ",
                            Of({"= ", "== ", "eq ", "!= ", "ne ", "neq ", "< ", "lt ", "<= ", "le ",
                                "leq ", "> ", "gt ", ">= ", "ge ", "geq ", ""}),
                            Of({":", ""}), Port());
      case 1:
      case 2:
        return absl::StrCat(Of({"src", "dst"}), " ", Of({"= ", "== ", "eq ", ""}), Host());
      case 3:
        return absl::StrCat(Of({"not ", "! "}), Term(depth - 1));
      default:
        return absl::StrCat("( ", Expression(depth - 1), " )");
    }
  }

  std::string Port() { return absl::StrCat(Of(ports_) + Pick(3) - 1); }

  std::string Host() {
    const std::string port = Pick(3) == 0 ? absl::StrCat(":", Pick(4) == 0 ? "*" : Port()) : "";
    switch (Pick(8)) {
      case 0:
        return absl::StrCat(":", Port());
      case 1:
        return absl::StrCat("*", port);
      default:
        break;
    }
    const base::IpAddress& address = Of(addresses_);
    const std::string text = address.ToString();
    if (address.is_v4()) {
      return absl::StrCat(text, Pick(2) == 0 ? absl::StrCat("/", 8 + Pick(25)) : "", port);
    }
    const int shortest = absl::StartsWith(text, "::ffff:") ? 96
                         : absl::StartsWith(text, "::")    ? 128
                                                           : 16;
    return absl::StrCat("[", text,
                        Pick(2) == 0 ? absl::StrCat("/", shortest + Pick(129 - shortest)) : "", "]",
                        port);
  }

  std::mt19937 random_;
  std::vector<int> ports_;
  std::vector<base::IpAddress> addresses_;
};

class FilterSsTest : public NetworkLabTest {
 protected:
  void SetUp() override {
    NetworkLabTest::SetUp();
    if (IsSkipped()) return;
    host_ = &AddHost("web1");
    ASSERT_THAT(host_->Run([&] { return zoo_.Fill(host_->ipv4(), host_->ipv6()); }), IsOk());
    sockets::StateMask wanted = 0;
    for (const char* state :
         {"established", "syn-sent", "fin-wait-2", "time-wait", "close-wait", "listening"}) {
      wanted |= *sockets::ParseStateGroup(state);
    }
    // The peer acknowledges a FIN when it likes to.
    ASSERT_TRUE(EventuallyTrue([&] { return DumpAll().ok() && StatesOf(samples_) == wanted; }));
    ASSERT_GT(samples_.size(), 80u);
  }

  absl::Status DumpAll() {
    return host_->Run([&]() -> absl::Status {
      TF_ASSIGN_OR_RETURN(samples_, Dump(sockets::kAllStates, filter::kIpv4 | filter::kIpv6, {}));
      return absl::OkStatus();
    });
  }

  static sockets::StateMask StatesOf(const std::vector<Sample>& samples) {
    sockets::StateMask states = 0;
    for (const Sample& sample : samples) {
      states |= sockets::StateMask{1} << sample.values.Get(sockets::Field::kState);
    }
    return states;
  }

  // Rows by ss; by kernel program and Matches; by kernel program alone; by Matches alone.
  struct Outcome {
    Rows ss, ours, program, matches;
    bool agree() const { return ss == ours && ss == program && ss == matches; }
  };

  absl::StatusOr<Outcome> Ask(const std::vector<std::string>& states,
                              const std::string& expression) const {
    Outcome outcome;
    std::vector<std::string> command = {"ss", "-tnHa"};
    command.insert(command.end(), states.begin(), states.end());
    command.push_back(expression);
    TF_ASSIGN_OR_RETURN(const CommandResult result, host_->Command(command));
    if (result.exit_code != 0) return absl::InternalError(result.err);
    outcome.ss = ParseSs(result.out);
    const std::string words = states.empty() ? "state all" : absl::StrJoin(states, " ");
    TF_ASSIGN_OR_RETURN(const filter::Filter filter,
                        filter::Filter::Parse(absl::StrCat(words, " ", expression)));
    TF_RETURN_IF_ERROR(host_->Run([&]() -> absl::Status {
      TF_ASSIGN_OR_RETURN(const auto passed,
                          Dump(filter.StateMask(), filter.Families(), filter.KernelProgram()));
      for (const Sample& sample : passed) {
        outcome.program.insert(RowOf(sample));
        if (filter.Matches(sample)) outcome.ours.insert(RowOf(sample));
      }
      TF_ASSIGN_OR_RETURN(const auto all,
                          Dump(sockets::kAllStates, filter::kIpv4 | filter::kIpv6, {}));
      for (const Sample& sample : all) {
        if (filter.Matches(sample)) outcome.matches.insert(RowOf(sample));
      }
      return absl::OkStatus();
    }));
    return outcome;
  }

  // Counts in `selective` what selects neither everything nor nothing.
  void ExpectSameRows(const std::vector<std::string>& states, const std::string& expression,
                      int& selective) const {
    SCOPED_TRACE(absl::StrCat(absl::StrJoin(states, " "), " ", expression));
    // Sockets that end meanwhile (TIME-WAIT lasts 60 s) are another matter.
    absl::StatusOr<Outcome> outcome;
    for (int attempt = 0; attempt < 3; ++attempt) {
      outcome = Ask(states, expression);
      ASSERT_THAT(outcome, IsOk());
      if (outcome->agree()) break;
    }
    ASSERT_EQ(outcome->ss, outcome->ours);
    ASSERT_EQ(outcome->ss, outcome->matches);
    ASSERT_EQ(outcome->ss, outcome->program);
    if (!outcome->ss.empty() && outcome->ss.size() < samples_.size()) ++selective;
  }

  const Host* host_ = nullptr;
  Zoo zoo_;
  std::vector<Sample> samples_;
};

TEST_F(FilterSsTest, SelectsTheRowsSsSelects) {
  Generator generator(samples_);
  int selective = 0;
  for (int i = 0; i < kExpressions; ++i) {
    const std::vector<std::string> states = generator.States();
    ASSERT_NO_FATAL_FAILURE(ExpectSameRows(states, generator.Expression(3), selective));
  }
  EXPECT_GT(selective, kExpressions / 4);
}

TEST_F(FilterSsTest, TakesTheFormsSsTakes) {
  const int port = samples_.front().identity.local.port;
  int selective = 0;
  for (const char* form : {"sport $0",
                           "sport :$0",
                           "sport eq $0",
                           "sport = inet:$0",
                           "dport = inet6:$0",
                           "sport = *",
                           "src 127/8",
                           "src 127",
                           "src 127.0.0.1:*",
                           "src 127.0.0.2/255.0.0.0:$0",
                           "src 0x7f.0.0.1",
                           "src ::1:$0",
                           "src [::1]:$0",
                           "src [::1/128]",
                           "src ::1/128",
                           "src ::ffff:127.0.0.2/128",
                           "src [::ffff:127.0.0.0/104]",
                           "src inet:127.0.0.0/8",
                           "src inet6:*",
                           "src any",
                           "dst default",
                           "src *",
                           "not src *",
                           "src 0.0.0.0/0",
                           "src [::/0]",
                           "src [::]",
                           "src :$0 or dst *:$0",
                           "dev = 0",
                           "dev != 1",
                           "dev 1",
                           "autobound dport > :1"}) {
    ASSERT_NO_FATAL_FAILURE(ExpectSameRows({}, absl::Substitute(form, port), selective));
  }
  EXPECT_GT(selective, 10);
}

}  // namespace
}  // namespace tcpfleet::tests
