#include "controller/campaign/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/stats/histogram_proto.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/campaign/fake_runs.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::FakeReport;
using tests::StatusIs;

v1::SavedRun Sample() {
  v1::SavedRun saved;
  *saved.mutable_report() = FakeReport(1'000, 400);
  stats::Histogram histogram;
  for (uint64_t us = 1; us <= 1'000; ++us) histogram.Record(us * 1'000);
  v1::SavedHistogram& added = *saved.add_histograms();
  added.set_name("responseLatency");
  *added.mutable_histogram() = stats::ToDelta(histogram);
  return saved;
}

size_t Times(const std::string& text, const std::string& part) {
  size_t times = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
  return times;
}

TEST(HtmlPage, HoldsTheRunAndItsLatencyCurve) {
  const auto data = PageData(Sample());
  ASSERT_TRUE(data.ok()) << data.status();
  tests::ExpectGolden("page_data.json", *data);
}

TEST(HtmlPage, NeedsNothingElse) {
  const auto page = HtmlPage(Sample());
  ASSERT_TRUE(page.ok());
  EXPECT_THAT(*page, Not(HasSubstr("{{")));
  EXPECT_THAT(*page, Not(HasSubstr(" src=")));
  EXPECT_THAT(*page, Not(HasSubstr("<link")));
  EXPECT_THAT(*page, HasSubstr("default-src 'none'"));
}

TEST(HtmlPage, IsNotSteeredByWhatHostsCallThemselves) {
  v1::SavedRun saved = Sample();
  const size_t scripts = Times(*HtmlPage(saved), "</script");
  for (const char* const name : {"</script><script>alert(1)</script>", "<!--<script>", "{{script}}",
                                 "\xe2\x80\xa8", "a\"]}'\\\n\x01"}) {
    saved.mutable_report()->add_agents()->set_name(name);
  }
  const auto page = HtmlPage(saved);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(Times(*page, "</script"), scripts);
  EXPECT_THAT(*page, Not(HasSubstr("<!--")));
  EXPECT_THAT(*page, Not(HasSubstr("\xe2\x80\xa8")));
  EXPECT_THAT(*page, HasSubstr("\\u003c/script\\u003e"));
}

TEST(HtmlPage, RefusesAHistogramThatCannotBe) {
  v1::SavedRun saved = Sample();
  saved.mutable_histograms(0)->mutable_histogram()->add_bucket_deltas(4'000'000'000);
  EXPECT_THAT(HtmlPage(saved).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("responseLatency")));
}

TEST(HtmlPage, LeavesOutAHistogramItDoesNotKnow) {
  v1::SavedRun saved = Sample();
  saved.mutable_histograms(0)->set_name("\"</script>");
  const auto data = PageData(saved);
  ASSERT_TRUE(data.ok());
  EXPECT_THAT(*data, HasSubstr("\"curves\":[]"));
}

}  // namespace
}  // namespace tcpfleet::controller
