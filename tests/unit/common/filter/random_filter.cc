#include "tests/unit/common/filter/random_filter.h"

#include <absl/strings/str_cat.h>

#include <memory>

namespace tcpfleet::filter {

std::string RandomFilter::Text(bool kernel_only) {
  std::string states;
  for (int i = kernel_only ? 0 : Pick(3); i > 0; --i) {
    absl::StrAppend(&states, Of({"state ", "exclude "}),
                    Of({"established ", "listening ", "connected ", "big ", "syn-sent "}));
  }
  return absl::StrCat(kernel_only ? "state all " : states, List(4, kernel_only));
}

std::string RandomFilter::List(int depth, bool kernel_only) {
  std::string text = Term(depth, kernel_only);
  for (int i = Pick(3); i > 0; --i) {
    absl::StrAppend(&text, Of({" and ", " or ", " ", " | ", "&&"}), Term(depth, kernel_only));
  }
  return text;
}

std::string RandomFilter::Term(int depth, bool kernel_only) {
  switch (Pick(depth > 0 ? 5 : 3)) {
    case 0:
    case 1:
      return KernelCondition();
    case 2:
      return kernel_only ? KernelCondition() : OwnCondition();
    case 3:
      return absl::StrCat(Of({"not ", "!"}), Term(depth - 1, kernel_only));
    default:
      return absl::StrCat("(", List(depth - 1, kernel_only), ")");
  }
}

std::string RandomFilter::KernelCondition() {
  switch (Pick(4)) {
    case 0:
      return absl::StrCat(Of({"sport", "dport"}), Of({"=", "!=", "<", "<=", ">", ">="}),
                          Of({"0", ":1", "80", ":81", "32768", "40000", "65535"}));
    case 1:
      return absl::StrCat("dev", Of({"=", "!="}), Pick(3));
    case 2:
      return Of({"autobound", "not autobound", "src *", "dport *", "src inet:*", "dst inet6:*",
                 "not dst inet:*:80", "dport = inet:80"});
    default:
      return absl::StrCat(
          Of({"src ", "dst ", "src != ", "not dst "}),
          Of({"10.0.0.1", "10.0.0.0/8", "10.0.0.2/31", "0.0.0.0/0", "fd00::1", "[fd00::/15]",
              "[::ffff:10.0.0.0/104]", "[::/0]", "inet:10.0.0.0/30", "inet6:[fd00::1]"}),
          Of({"", "", ":80"}));
  }
}

std::string RandomFilter::OwnCondition() {
  switch (Pick(5)) {
    case 0:
      return absl::StrCat(Of({"rtt", "min_rtt", "rto"}), Of({"=", "!=", "<", "<=", ">", ">="}),
                          Of({"0", "1ms", "1500us", "2s"}));
    case 1:
      return absl::StrCat(Of({"process", "host", "cc", "command"}), Of({"=", "!=", "~", "!~"}),
                          Of({"nginx", "web*", "\"a b\"", "w.b", "'it\\'s'", "\"x\\\\.y\""}));
    case 2:
      return absl::StrCat(Of({"send_rate", "retrans_share", "age", "idle", "uid"}), ">", "0");
    case 3:
      return absl::StrCat(Of({"(state ", "(exclude ", "(state != "}),
                          Of({"established)", "listening)", "bucket)", "all)"}));
    default:
      return Of({"limited=receiver", "limited!=network", "fwmark=1/3", "dev=\"1\"", "cgroup /a/b",
                 "retrans_share<=1.25%", "send_rate>=10Mbit", "age<1h30m", "cookie=0xffff"});
  }
}

sockets::ConnectionSample RandomFilter::Sample() {
  const auto endpoint = [this](bool is_v4) {
    const char* address = is_v4 ? Of({"10.0.0.1", "10.0.0.3", "11.0.0.1", "0.0.0.0"})
                                : Of({"fd00::1", "fd01::1", "::", "::ffff:10.0.0.1", "fe80::1"});
    static constexpr uint16_t kPorts[] = {0, 1, 80, 81, 32767, 32768, 40000, 60999, 61000, 65535};
    return base::Endpoint{*base::IpAddress::Parse(address), kPorts[Pick(10)]};
  };
  sockets::ConnectionSample sample;
  const bool is_v4 = Pick(2) == 0;
  sample.identity.local = endpoint(is_v4);
  sample.identity.remote = endpoint(is_v4);
  sample.identity.interface = static_cast<uint32_t>(Pick(3));
  sample.identity.congestion_control = Of({"", "bbr", "web"});
  if (Pick(2) == 0) sample.identity.uid = static_cast<uint32_t>(Pick(2));
  if (Pick(2) == 0) {
    sockets::Process process;
    process.comm = Of({"nginx", "webx", "a b"});
    process.command_line = Of({"", "nginx -g", "it's"});
    sample.identity.process = std::make_shared<const sockets::Process>(process);
  }
  sample.values.Set(sockets::Field::kState, static_cast<uint64_t>(Pick(11)) + 1);
  if (Pick(2) == 0) sample.values.Set(sockets::Field::kRtt, static_cast<uint64_t>(Pick(3000)));
  if (Pick(2) == 0) sample.values.Set(sockets::Field::kMark, static_cast<uint64_t>(Pick(4)));
  return sample;
}

sockets::Derived RandomFilter::Derived() {
  sockets::Derived derived;
  if (Pick(2) == 0) derived.send_rate = Pick(3) * 1e6;
  if (Pick(2) == 0) derived.retrans_share = Pick(3) / 100.0;
  if (Pick(2) == 0) derived.limited = static_cast<sockets::Limit>(Pick(5));
  return derived;
}

}  // namespace tcpfleet::filter
