#include "tests/integration/ss_output.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <optional>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sockets/state_names.h"

namespace tcpfleet::tests {
namespace {

using sockets::ConnectionSample;
using sockets::Field;

// At blanks outside of parentheses and quotes.
std::vector<std::string> SplitWords(absl::string_view line) {
  std::vector<std::string> words(1);
  int depth = 0;
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (c == '(' && !quoted) ++depth;
    if (c == ')' && !quoted) --depth;
    if (c == ' ' && depth == 0 && !quoted) {
      if (!words.back().empty()) words.emplace_back();
    } else {
      words.back().push_back(c);
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::vector<uint32_t> ParsePids(absl::string_view users) {
  std::vector<uint32_t> pids;
  for (absl::string_view part : absl::StrSplit(users, ',')) {
    uint32_t pid = 0;
    if (absl::ConsumePrefix(&part, "pid=") && absl::SimpleAtoi(part, &pid)) pids.push_back(pid);
  }
  return pids;
}

absl::StatusOr<SsSocket> ParseLine(absl::string_view line) {
  const std::vector<std::string> words = SplitWords(line);
  SsSocket socket;
  if (words.size() < 5 || !absl::SimpleAtoi(words[1], &socket.receive_queue) ||
      !absl::SimpleAtoi(words[2], &socket.send_queue)) {
    return absl::InvalidArgumentError(absl::StrCat("no line of ss: '", line, "'"));
  }
  socket.state = words[0];
  socket.local = words[3];
  socket.remote = words[4];
  for (size_t i = 5; i < words.size(); ++i) {
    const std::string& word = words[i];
    const size_t colon = word.find(':');
    std::string name = word.substr(0, colon);
    const std::string value = colon == std::string::npos ? "" : word.substr(colon + 1);
    if (name == "bbr" && colon != std::string::npos) name = "bbr_info";  // after the name alone
    if (name == "users") {
      socket.pids = ParsePids(value);
    } else if (name == "sk") {
      if (!absl::SimpleHexAtoi(value, &socket.cookie)) {
        return absl::InvalidArgumentError(absl::StrCat("no cookie: '", word, "'"));
      }
    } else if (colon == std::string::npos && i + 1 < words.size() &&
               absl::EndsWith(words[i + 1], "bps")) {
      socket.words[name] = words[++i];
    } else {
      socket.words[name] = value;
    }
  }
  return socket;
}

// Writes the words in the way ss does.
class Words {
 public:
  explicit Words(const ConnectionSample& sample) : values_(sample.values) {}

  uint64_t Get(Field field) const { return values_.Get(field); }
  void Add(const std::string& name, const std::string& value = "") { words_[name] = value; }
  void AddIf(bool condition, const std::string& name, const std::string& value = "") {
    if (condition) Add(name, value);
  }
  void Number(const std::string& name, Field field) {
    AddIf(Get(field) != 0, name, absl::StrCat(Get(field)));
  }
  void Milliseconds(const std::string& name, Field field) {
    AddIf(Get(field) != 0, name, InMs(Get(field)));
  }
  void Rate(const std::string& name, double bits_per_second) {
    AddIf(bits_per_second > 0, name, absl::StrFormat("%.0fbps", bits_per_second));
  }
  static std::string InMs(uint64_t us) {
    return absl::StrFormat("%g", static_cast<double>(us) / 1000.0);
  }
  SsWords Take() { return std::move(words_); }

 private:
  const sockets::FieldValues& values_;
  SsWords words_;
};

double Double(uint64_t value) { return static_cast<double>(value); }

void AddSocketWords(const ConnectionSample& sample, Words& words) {
  const sockets::ConnectionIdentity& identity = sample.identity;
  words.AddIf(identity.uid.value_or(0) != 0, "uid", absl::StrCat(identity.uid.value_or(0)));
  words.Add("ino", absl::StrCat(identity.inode));
  words.AddIf(words.Get(Field::kMark) != 0, "fwmark",
              absl::StrFormat("0x%x", words.Get(Field::kMark)));
  if (identity.cgroup_id) {
    words.Add("cgroup", identity.cgroup != nullptr
                            ? *identity.cgroup
                            : absl::StrFormat("unreachable:%x", *identity.cgroup_id));
  }
  words.AddIf(!identity.local.address.is_v4() && sample.values.Has(Field::kV6only), "v6only",
              absl::StrCat(words.Get(Field::kV6only)));
  const uint64_t shutdown = words.Get(Field::kShutdown);
  words.AddIf(sample.values.Has(Field::kShutdown),
              absl::StrCat((shutdown & 1) != 0 ? "-" : "<", "-", (shutdown & 2) != 0 ? "-" : ">"));
  const auto mem = [&](Field field) { return words.Get(field); };
  words.AddIf(sample.values.Has(Field::kSkmemRmemAlloc), "skmem",
              absl::StrFormat(
                  "(r%u,rb%u,t%u,tb%u,f%u,w%u,o%u,bl%u,d%u)", mem(Field::kSkmemRmemAlloc),
                  mem(Field::kSkmemRcvbuf), mem(Field::kSkmemWmemAlloc), mem(Field::kSkmemSndbuf),
                  mem(Field::kSkmemFwdAlloc), mem(Field::kSkmemWmemQueued),
                  mem(Field::kSkmemOptmem), mem(Field::kSkmemBacklog), mem(Field::kSkmemDrops)));
  words.AddIf(!identity.congestion_control.empty(), identity.congestion_control);
}

void AddOptions(Words& words) {
  const uint64_t options = words.Get(Field::kOptions);
  words.AddIf((options & 1) != 0, "ts");
  words.AddIf((options & 64) != 0, "usec_ts");
  words.AddIf((options & 2) != 0, "sack");
  words.AddIf((options & 8) != 0, "ecn");
  words.AddIf((options & 16) != 0, "ecnseen");
  words.AddIf((options & 32) != 0, "fastopen");
  words.AddIf((options & 4) != 0, "wscale",
              absl::StrCat(words.Get(Field::kSndWscale), ",", words.Get(Field::kRcvWscale)));
}

void AddPathWords(Words& words) {
  if (words.Get(Field::kRto) != 3'000'000) words.Milliseconds("rto", Field::kRto);
  words.Number("backoff", Field::kBackoff);
  words.AddIf(words.Get(Field::kRtt) != 0, "rtt",
              absl::StrCat(Words::InMs(words.Get(Field::kRtt)), "/",
                           Words::InMs(words.Get(Field::kRttvar))));
  words.Milliseconds("ato", Field::kAto);
  words.Number("mss", Field::kSndMss);
  words.Number("pmtu", Field::kPmtu);
  words.Number("rcvmss", Field::kRcvMss);
  words.Number("advmss", Field::kAdvmss);
  words.Number("cwnd", Field::kSndCwnd);
  if (words.Get(Field::kSndSsthresh) < 0xffff) words.Number("ssthresh", Field::kSndSsthresh);
  words.Milliseconds("rcv_rtt", Field::kRcvRtt);
  words.Number("rcv_space", Field::kRcvSpace);
  words.Number("rcv_ssthresh", Field::kRcvSsthresh);
  if (words.Get(Field::kMinRtt) != 0xffffffff) words.Milliseconds("minrtt", Field::kMinRtt);
  words.Number("snd_wnd", Field::kSndWnd);
  words.Number("rcv_wnd", Field::kRcvWnd);
  if (words.Get(Field::kReordering) != 3) words.Number("reordering", Field::kReordering);
}

void AddCounterWords(Words& words) {
  words.Number("bytes_sent", Field::kBytesSent);
  words.Number("bytes_retrans", Field::kBytesRetrans);
  words.Number("bytes_acked", Field::kBytesAcked);
  words.Number("bytes_received", Field::kBytesReceived);
  words.Number("segs_out", Field::kSegsOut);
  words.Number("segs_in", Field::kSegsIn);
  words.Number("data_segs_out", Field::kDataSegsOut);
  words.Number("data_segs_in", Field::kDataSegsIn);
  words.Number("delivered", Field::kDelivered);
  words.Number("delivered_ce", Field::kDeliveredCe);
  words.AddIf(words.Get(Field::kDeliveryRateAppLimited) != 0, "app_limited");
  words.Number("unacked", Field::kUnacked);
  words.AddIf(words.Get(Field::kRetrans) != 0 || words.Get(Field::kTotalRetrans) != 0, "retrans",
              absl::StrCat(words.Get(Field::kRetrans), "/", words.Get(Field::kTotalRetrans)));
  words.Number("lost", Field::kLost);
  words.Number("sacked", Field::kSacked);
  words.Number("dsack_dups", Field::kDsackDups);
  words.Number("fackets", Field::kFackets);
  words.Number("reord_seen", Field::kReordSeen);
  words.Number("notsent", Field::kNotsentBytes);
  words.Number("rcv_ooopack", Field::kRcvOoopack);
  words.Number("rehash", Field::kRehash);
}

void AddRateWords(const ConnectionSample& sample, Words& words) {
  if (words.Get(Field::kRtt) != 0) {
    words.Rate("send", Double(words.Get(Field::kSndCwnd)) * Double(words.Get(Field::kSndMss)) *
                           8000000. / Double(words.Get(Field::kRtt)));
  }
  constexpr uint64_t kNone = ~uint64_t{0};
  const uint64_t pacing = words.Get(Field::kPacingRate);
  const uint64_t most = words.Get(Field::kMaxPacingRate);
  if (pacing != 0 && pacing != kNone) {
    std::string text = absl::StrFormat("%.0fbps", Double(pacing) * 8.);
    if (most != 0 && most != kNone) absl::StrAppendFormat(&text, "/%.0fbps", Double(most) * 8.);
    words.Add("pacing_rate", text);
  }
  words.Rate("delivery_rate", Double(words.Get(Field::kDeliveryRate)) * 8.);
  if (sample.values.Has(Field::kBbrBw)) {
    std::string bbr = absl::StrFormat("(bw:%.0fbps,mrtt:%g", Double(words.Get(Field::kBbrBw)) * 8.,
                                      Double(words.Get(Field::kBbrMinRtt)) / 1000.);
    const auto gain = [&](const char* name, Field field) {
      if (words.Get(field) == 0) return;
      absl::StrAppendFormat(&bbr, ",%s:%g", name, Double(words.Get(field)) / 256.);
    };
    gain("pacing_gain", Field::kBbrPacingGain);
    gain("cwnd_gain", Field::kBbrCwndGain);
    words.Add("bbr_info", bbr + ")");
  }
}

std::string EndpointText(const base::Endpoint& endpoint, bool is_v6_only) {
  const std::string port = endpoint.port == 0 ? "*" : absl::StrCat(endpoint.port);
  const bool is_any = std::all_of(endpoint.address.bytes().begin(), endpoint.address.bytes().end(),
                                  [](uint8_t byte) { return byte == 0; });
  if (endpoint.address.is_v4()) return absl::StrCat(endpoint.address.ToString(), ":", port);
  if (is_any && !is_v6_only) return absl::StrCat("*:", port);
  return absl::StrCat("[", endpoint.address.ToString(), "]:", port);
}

}  // namespace

absl::StatusOr<std::vector<SsSocket>> ParseSs(absl::string_view output) {
  std::vector<SsSocket> sockets;
  for (const absl::string_view line : absl::StrSplit(output, '\n', absl::SkipWhitespace())) {
    TF_ASSIGN_OR_RETURN(SsSocket socket, ParseLine(line));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

SsWords ExpectedWords(const ConnectionSample& sample) {
  Words words(sample);
  AddSocketWords(sample, words);
  if (sample.values.Get(Field::kState) != static_cast<uint64_t>(sockets::TcpState::kListen)) {
    AddOptions(words);
    AddPathWords(words);
    AddCounterWords(words);
    AddRateWords(sample, words);
  }
  return words.Take();
}

std::string ExpectedLocal(const ConnectionSample& sample) {
  return EndpointText(sample.identity.local, sample.values.Get(Field::kV6only) != 0);
}

std::string ExpectedRemote(const ConnectionSample& sample) {
  return EndpointText(sample.identity.remote, sample.values.Get(Field::kV6only) != 0);
}

absl::StatusOr<SsTime> ParseSsTime(absl::string_view text) {
  SsTime time;
  const auto fail = [&] { return absl::InvalidArgumentError(absl::StrCat("no time: ", text)); };
  int64_t number = 0;
  absl::string_view rest = text;
  const size_t minutes = rest.find("min");
  if (minutes != absl::string_view::npos) {
    if (!absl::SimpleAtoi(rest.substr(0, minutes), &number)) return fail();
    time.ms = number * 60'000;
    time.resolution_ms = number > 9 ? 60'000 : 1000;
    rest.remove_prefix(minutes + 3);
  }
  if (rest.empty()) return time;
  const size_t dot = rest.find('.');
  const bool is_seconds_only = dot == absl::string_view::npos && absl::EndsWith(rest, "sec");
  absl::string_view seconds = dot == absl::string_view::npos ? "" : rest.substr(0, dot);
  if (is_seconds_only) {
    seconds = absl::StripSuffix(rest, "sec");
    rest = "";
    time.resolution_ms = 1000;
  } else if (dot != absl::string_view::npos) {
    rest.remove_prefix(dot + 1);
  }
  if (!seconds.empty()) {
    if (!absl::SimpleAtoi(seconds, &number)) return fail();
    time.ms += number * 1000;
  }
  if (!absl::ConsumeSuffix(&rest, "ms")) absl::ConsumeSuffix(&rest, "sec");
  if (!rest.empty()) {
    if (!absl::SimpleAtoi(rest, &number)) return fail();
    time.ms += number;
  }
  return time;
}

}  // namespace tcpfleet::tests
