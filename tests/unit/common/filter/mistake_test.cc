#include <gtest/gtest.h>

#include "common/filter/filter.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::filter {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

struct Mistake {
  std::string text;
  std::string message;
};

class FilterMistake : public testing::TestWithParam<Mistake> {};

TEST_P(FilterMistake, IsNamedWithItsColumn) {
  EXPECT_THAT(Filter::Parse(GetParam().text),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(GetParam().message)))
      << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Words, FilterMistake,
    testing::Values(
        Mistake{"sprt = :1",
                "filter, column 1: expected a condition such as dport = :443, src "
                "10.0.0.0/8 or rtt > 20ms, found 'sprt', did you mean 'sport'?"},
        Mistake{"rtt > 1ms and cwn < 10", "column 15: expected a condition such as"},
        Mistake{"proces = nginx", "did you mean 'process'?"},
        Mistake{"tcpi_rtt > 1ms", "column 1: expected a condition"},
        Mistake{"dport = 1 and", "column 14: expected a condition after 'and', found the end"},
        Mistake{"( dport = 1 or )", "column 16: expected a condition after 'or', found ')'"},
        Mistake{"and dport = 1", "column 1: expected a condition"},
        Mistake{"dport = 1 and and", "column 15: expected a condition"},
        Mistake{"not", "column 4: expected a condition"}, Mistake{"()", "column 2: expected"},
        Mistake{"10.0.0.1", "column 1: expected a condition"},
        Mistake{"( dport = 1", "column 12: expected ')' for the '(' in column 1, found the end"},
        Mistake{"dport = 1 )", "column 11: expected a condition, found ')'"},
        Mistake{"dport = 1 ; rm", "column 11: expected a condition"},
        Mistake{"\"rtt\" > 1ms", "column 1: expected a condition"},
        Mistake{"dport = \x01", "column 9: unexpected character '\\x01'"},
        Mistake{"process = \"nginx", "column 11: the quote does not end"},
        Mistake{"process = \"a\nb\"", "column 13: unexpected character '\\n'"}));

INSTANTIATE_TEST_SUITE_P(
    States, FilterMistake,
    testing::Values(Mistake{"state estblished",
                            "column 7: expected a TCP state such as established, found "
                            "'estblished', did you mean 'established'?"},
                    Mistake{"state",
                            "column 6: expected a TCP state such as established, found the end"},
                    Mistake{"state =", "column 8: expected a TCP state"},
                    Mistake{"state > established", "column 7: expected a TCP state, found '>'"},
                    Mistake{"state established state = listening", "column 25: expected"}));

INSTANTIATE_TEST_SUITE_P(
    Ends, FilterMistake,
    testing::Values(Mistake{"dport =", "column 8: expected a port such as :443"},
                    Mistake{"dport = :65536", "column 9: expected a port"},
                    Mistake{"dport = :-1", "column 9: expected a port"},
                    Mistake{"dport = 080", "column 9: expected a port"},
                    Mistake{"dport = 10.0.0.1:80", "column 9: expected a port"},
                    Mistake{"dport > *", "column 9: expected a port"},
                    Mistake{"dport = ssh", "services are not resolved here"},
                    Mistake{"dst", "column 4: expected an address"},
                    Mistake{"dst example.com", "names are not resolved here"},
                    Mistake{"dst 10.0.0.0/33", "column 5: expected an address"},
                    Mistake{"dst 10.0.0.0/255.0.255.0", "column 5: expected an address"},
                    Mistake{"dst [::1", "column 5: expected an address"},
                    Mistake{"dst [::1]x", "column 5: expected an address"},
                    Mistake{"dst fe80::1%eth0", "column 5: expected"},
                    Mistake{"dst 10.0.0.1:99999", "column 5: expected a port"},
                    Mistake{"dst inet:[::1]", "column 5: expected an IPv4 address after inet:"},
                    Mistake{"dst inet6:10.0.0.1", "expected an IPv6 address after inet6:"},
                    Mistake{"dst unix:/tmp/x", "expected an address of a TCP connection"},
                    Mistake{"dst > 10.0.0.1", "column 5: expected = or != before an address"},
                    Mistake{"dev > 1", "column 5: expected = or != before a device"},
                    Mistake{"dev = eth0",
                            "column 7: expected the index of a device, such as 2 "
                            "(names are not resolved here), found 'eth0'"},
                    Mistake{"dev =", "column 6: expected a device such as eth0 or 2"},
                    Mistake{"fwmark = red", "column 10: expected a mark such as 0x1 or 0x1/0xff"},
                    Mistake{"fwmark = 1/", "column 10: expected a mark"}));

INSTANTIATE_TEST_SUITE_P(
    Comparisons, FilterMistake,
    testing::Values(
        Mistake{"rtt > eth0",
                "filter, column 7: 'eth0' is not a time: rtt is compared with one "
                "such as 20ms, 300us or 1h30m"},
        Mistake{"rtt > 20", "column 7: '20' needs a unit: rtt is compared with a time such as"},
        Mistake{"rtt > 20MB", "column 7: '20MB' is not a time"},
        Mistake{"rtt > 0.5us",
                "column 7: '0.5us' is out of range: rtt is compared in whole "
                "microseconds below 2^64"},
        Mistake{"rtt 20ms", "column 5: expected one of = != < <= > >= after 'rtt', found '20ms'"},
        Mistake{"rtt ~ 2", "column 5: expected one of = != < <= > >= after 'rtt'"},
        Mistake{"rtt >", "column 6: expected what to compare 'rtt' with, found the end"},
        Mistake{"rtt", "column 4: expected one of"},
        Mistake{"cwnd < 10MB", "column 8: '10MB' is not a number: snd_cwnd is compared with one"},
        Mistake{"cwnd < -1", "column 8: '-1' is not a number"},
        Mistake{"cwnd < 99999999999999999999", "is not a number"},
        Mistake{"cwnd < 0x", "is not a number"}, Mistake{"cwnd < 1.", "is not a number"},
        Mistake{"bytes_acked > 1ms", "column 15: '1ms' is not a number of bytes"},
        Mistake{"send_rate > 1%", "column 13: '1%' is not a rate"},
        Mistake{"retrans_share > 1", "column 17: '1' needs a unit"},
        Mistake{"age > 1x", "column 7: '1x' is not a time: age is compared with one such as"},
        Mistake{"process > nginx", "column 9: expected one of = != ~ !~ after 'process'"},
        Mistake{"process nginx", "column 9: expected one of = != ~ !~ after 'process'"},
        Mistake{"process = (", "column 11: expected what to compare 'process' with"},
        Mistake{"process ~ \"a(\"", "column 11: not a regular expression: missing )"},
        Mistake{"process ~ \"a{1000}{1000}\"", "column 11: not a regular expression"},
        Mistake{"limited = reciever",
                "column 11: expected one of application, receiver, sndbuf, "
                "cwnd, network, found 'reciever', did you mean 'receiver'?"},
        Mistake{"limited > receiver", "column 9: expected = or != after 'limited'"}));

std::string Repeated(const std::string& text, size_t times) {
  std::string repeated;
  for (size_t i = 0; i < times; ++i) repeated += text;
  return repeated;
}

INSTANTIATE_TEST_SUITE_P(
    Bounds, FilterMistake,
    testing::Values(Mistake{std::string(kLongestText + 1, ' '), "at most 8192"},
                    Mistake{Repeated("uid=1|", 600) + "uid=1", "at most 512"},
                    Mistake{Repeated("(", 1000) + "uid=1" + Repeated(")", 1000),
                            "column 66: nested too deeply: at most 64 levels"},
                    Mistake{Repeated("!", 8000) + "uid=1", "nested too deeply"},
                    Mistake{Repeated("uid=1&uid=1|", 200) + "uid=1",
                            "'and' and 'or' take turns too often: at most 63 levels"},
                    Mistake{Repeated("cc~a.b ", 17), "more than 16 regular expressions"}));

TEST(FilterBounds, AllowWhatPeopleWrite) {
  EXPECT_THAT(Filter::Parse(Repeated("uid=1|", 510) + "uid=1"), IsOk());
  EXPECT_THAT(Filter::Parse(Repeated("(", 60) + "uid=1" + Repeated(")", 60)), IsOk());
  EXPECT_THAT(Filter::Parse(Repeated("uid=1&uid=1|", 31) + "uid=1"), IsOk());
  EXPECT_THAT(Filter::Parse(Repeated("cc~a.b ", 16)), IsOk());
}

}  // namespace
}  // namespace tcpfleet::filter
