// Names of TCP states as ss(8) prints and takes them.
#pragma once

#include <absl/strings/string_view.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tcpfleet::sockets {

// TCP_ESTABLISHED ... of the kernel's tcp_states.h; user-space headers name them differently.
enum class TcpState : uint8_t {
  kEstablished = 1,
  kSynSent = 2,
  kSynRecv = 3,
  kFinWait1 = 4,
  kFinWait2 = 5,
  kTimeWait = 6,
  kClose = 7,
  kCloseWait = 8,
  kLastAck = 9,
  kListen = 10,
  kClosing = 11,
};

// A set of states: bit n stands for state n, as in idiag_states.
using StateMask = uint32_t;
constexpr StateMask MaskOf(TcpState state) { return StateMask{1} << static_cast<uint8_t>(state); }
inline constexpr StateMask kAllStates = 0xffe;  // 1 to 11

// "ESTAB", as in the first column of ss; "UNKNOWN" for numbers that are no state.
absl::string_view StateName(uint64_t state);
// "established", as ss takes it in a filter.
absl::string_view LongStateName(uint64_t state);
// Either name, in any case.
std::optional<TcpState> ParseState(absl::string_view name);

// The states a word of a filter stands for: a state's name or one of ss's groups all, connected,
// synchronized, bucket, big. Nothing when it is neither.
std::optional<StateMask> ParseStateGroup(absl::string_view word);
// Every word ParseStateGroup takes in lower case, for suggestions.
std::vector<std::string> StateWords();

}  // namespace tcpfleet::sockets
