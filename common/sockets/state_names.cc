#include "common/sockets/state_names.h"

#include <absl/strings/match.h>

#include <array>

namespace tcpfleet::sockets {
namespace {

struct Names {
  absl::string_view printed;
  absl::string_view typed;
};

// By state number. Source: ss.c of iproute2, sstate_name and sstate_namel.
constexpr std::array<Names, 12> kNames = {{
    {"UNKNOWN", "unknown"},
    {"ESTAB", "established"},
    {"SYN-SENT", "syn-sent"},
    {"SYN-RECV", "syn-recv"},
    {"FIN-WAIT-1", "fin-wait-1"},
    {"FIN-WAIT-2", "fin-wait-2"},
    {"TIME-WAIT", "time-wait"},
    {"UNCONN", "unconnected"},
    {"CLOSE-WAIT", "close-wait"},
    {"LAST-ACK", "last-ack"},
    {"LISTEN", "listening"},
    {"CLOSING", "closing"},
}};

struct Word {
  absl::string_view name;
  StateMask states;
};

constexpr StateMask kBucket = MaskOf(TcpState::kSynRecv) | MaskOf(TcpState::kTimeWait);
constexpr StateMask kUnconnected = MaskOf(TcpState::kClose) | MaskOf(TcpState::kListen);

// Groups and further spellings. Source: ss.c of iproute2, scan_state().
constexpr std::array kWords = {
    Word{"all", kAllStates},
    Word{"connected", kAllStates & ~kUnconnected},
    Word{"synchronized", kAllStates & ~(kUnconnected | MaskOf(TcpState::kSynSent))},
    Word{"bucket", kBucket},
    Word{"big", kAllStates & ~kBucket},
    Word{"close", MaskOf(TcpState::kClose)},
    Word{"closed", MaskOf(TcpState::kClose)},
    Word{"syn-rcv", MaskOf(TcpState::kSynRecv)},
    Word{"listen", MaskOf(TcpState::kListen)},
};

const Names& NamesOf(uint64_t state) { return kNames[state < kNames.size() ? state : 0]; }

}  // namespace

absl::string_view StateName(uint64_t state) { return NamesOf(state).printed; }

absl::string_view LongStateName(uint64_t state) { return NamesOf(state).typed; }

std::optional<TcpState> ParseState(absl::string_view name) {
  for (size_t state = 1; state < kNames.size(); ++state) {
    if (absl::EqualsIgnoreCase(name, kNames[state].printed) ||
        absl::EqualsIgnoreCase(name, kNames[state].typed)) {
      return static_cast<TcpState>(state);
    }
  }
  return std::nullopt;
}

std::optional<StateMask> ParseStateGroup(absl::string_view word) {
  if (const std::optional<TcpState> state = ParseState(word)) return MaskOf(*state);
  for (const Word& known : kWords) {
    if (absl::EqualsIgnoreCase(word, known.name)) return known.states;
  }
  return std::nullopt;
}

std::vector<std::string> StateWords() {
  std::vector<std::string> words;
  for (size_t state = 1; state < kNames.size(); ++state) words.emplace_back(kNames[state].typed);
  for (const Word& word : kWords) words.emplace_back(word.name);
  return words;
}

}  // namespace tcpfleet::sockets
