// What `ss -tinHOepm` prints, word by word, and what it would print for a sample of ours.
//
// Source: misc/ss.c of iproute2 6.1: tcp_show_info, tcp_stats_print, inet_show_sock.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::tests {

// "rtt:0.05/0.02" is {"rtt", "0.05/0.02"}, "send 1000bps" {"send", "1000bps"}, "sack" {"sack", ""}.
using SsWords = std::map<std::string, std::string>;

struct SsSocket {
  std::string state;
  uint64_t receive_queue = 0;
  uint64_t send_queue = 0;
  std::string local;
  std::string remote;
  std::vector<uint32_t> pids;  // of users:(...)
  uint64_t cookie = 0;
  SsWords words;  // all others

  // False for the stand-ins the kernel keeps of connections in TIME_WAIT and SYN_RECV.
  bool is_whole() const { return words.count("skmem") != 0; }
};

// InvalidArgument names the line that is none of ss.
absl::StatusOr<std::vector<SsSocket>> ParseSs(absl::string_view output);

// The words ss would print for it, but for those in kSsAges. LISTEN sockets have no tcp_info here,
// so `ss` says more of them.
SsWords ExpectedWords(const sockets::ConnectionSample& sample);
std::string ExpectedLocal(const sockets::ConnectionSample& sample);
std::string ExpectedRemote(const sockets::ConnectionSample& sample);

// Words that change while nothing happens.
inline constexpr const char* kSsAges[] = {"lastsnd",      "lastrcv",        "lastack", "timer",
                                          "rwnd_limited", "sndbuf_limited", "busy"};

// Words that newer versions of ss print.
inline constexpr const char* kSsNewer[] = {"rcv_wnd", "rehash", "usec_ts"};

// "119min", "2.120ms" and "40ms" of timer:(on,...) in milliseconds, and how exact that is.
struct SsTime {
  int64_t ms = 0;
  int64_t resolution_ms = 1;
};
absl::StatusOr<SsTime> ParseSsTime(absl::string_view text);

}  // namespace tcpfleet::tests
