#include "agent/sysctl/value_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <vector>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

const std::map<std::string, std::string>& InForce() {
  static const auto& values = *new std::map<std::string, std::string>{
      {"net/ipv4/ip_local_port_range", "32768 60999"},
      {"net/ipv4/ip_local_reserved_ports", ""},
      {"net/ipv4/ip_unprivileged_port_start", "1024"},
      {"net/ipv4/tcp_rmem", "4096 131072 33554432"},
      {"net/ipv4/tcp_congestion_control", "cubic"},
      {"net/ipv6/conf/all/router_solicitations", "-1"},
  };
  return values;
}

// Keys without a value here hold 1.
absl::Status Check(const std::string& key, const std::string& value) {
  const auto value_of = [&](const std::string& name) {
    const auto found = InForce().find(name);
    return found == InForce().end() ? std::string("1") : found->second;
  };
  return CheckRange(key, value_of(key), value, [&](const std::string& other) {
    return other == key ? value : value_of(other);
  });
}

TEST(ValueRanges, TakeWhatHostsAreTunedTo) {
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"net/core/somaxconn", "65535"},
                                          {"net/ipv4/tcp_fin_timeout", "15"},
                                          {"net/ipv4/tcp_rmem", "4096 87380 16777216"},
                                          {"net/ipv4/tcp_notsent_lowat", "4294967295"},
                                          {"net/ipv4/ip_local_port_range", "10240 65535"},
                                          {"net/ipv4/ip_local_reserved_ports", "8080,40000-40100"},
                                          {"net/ipv4/tcp_congestion_control", "bbr"},
                                          {"net/ipv6/conf/all/router_solicitations", "-1"},
                                          {"net/ipv4/conf/all/rp_filter", "2"}}) {
    EXPECT_THAT(Check(key, value), IsOk()) << key << "=" << value;
  }
}

TEST(ValueRanges, RefuseWhatTheKernelWouldTake) {
  const std::vector<std::array<std::string, 3>> cases = {
      {"net/ipv4/tcp_fin_timeout", "0", "0 is not from 1 to 3600"},
      {"net/ipv4/tcp_max_tw_buckets", "0", "is not from 1024"},
      {"net/ipv4/tcp_syncookies", "3", "is not from 0 to 2"},
      {"net/ipv4/tcp_window_scaling", "2", "is not from 0 to 1"},
      {"net/ipv4/tcp_rmem", "9000 5000 4000", "must ascend"},
      {"net/ipv4/tcp_rmem", "4096 131072", "has 2 numbers, must have 3"},
      {"net/ipv4/tcp_rmem", "4096 abc 1", "is no number"},
      {"net/ipv4/conf/all/rp_filter", "-1", "is below 0"},
      {"net/core/somaxconn", "18446744073709551616", "is no number"},
      {"net/ipv4/ip_local_port_range", "60999 32768", "must ascend"},
      {"net/ipv4/ip_local_port_range", "32768 70000", "is not from 1 to 65535"},
      {"net/ipv4/ip_local_port_range", "32768 61000", "one end must be even"},
      {"net/ipv4/ip_local_port_range", "1000 65535", "overlap with those below 1024"},
      {"net/ipv4/ip_local_port_range", "40000 40101", "102 local ports are left"},
      {"net/ipv4/ip_local_reserved_ports", "32768-60999", "0 local ports are left"},
      {"net/ipv4/ip_local_reserved_ports", "70000", "is neither a number nor a range"},
      {"net/ipv4/ip_unprivileged_port_start", "50000", "overlap with those below 50000"},
  };
  for (const auto& [key, value, why] : cases) {
    EXPECT_THAT(Check(key, value), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << key << "=" << value;
  }
}

}  // namespace
}  // namespace tcpfleet::agent
