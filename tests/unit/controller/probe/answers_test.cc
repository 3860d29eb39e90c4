#include "controller/probe/answers.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/probe/probe_samples.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::FoundMtu;
using tests::Resolved;
using tests::StatusIs;
using tests::Tried;
using tests::Unresolved;

v1::ProbeRequest Request(uint32_t count = 2) {
  v1::ProbeRequest request;
  request.set_count(count);
  return request;
}

using Answers = std::vector<v1::ProbeResponse>;

Answers Whole() {
  return {Resolved({"10.0.0.5", "fd00::5"}),   Tried("10.0.0.5", 1, "connected", 100),
          Tried("fd00::5", 1, "refused", 50),  Tried("10.0.0.5", 2, "connected", 300),
          Tried("fd00::5", 2, "timeout", 3e6), FoundMtu("10.0.0.5", 1'500)};
}

TEST(ProbeAnswers, BecomeOnePathPerAddress) {
  const auto paths = PathsOf("a1", Request(), Whole(), /*is_whole=*/true);
  ASSERT_TRUE(paths.ok()) << paths.status();
  ASSERT_EQ(paths->size(), 2U);
  const v1::ProbePath& works = (*paths)[0];
  EXPECT_EQ(works.agent(), "a1");
  EXPECT_EQ(works.address(), "10.0.0.5");
  EXPECT_EQ(works.tries(), 2U);
  EXPECT_EQ(works.connected(), 2U);
  EXPECT_TRUE(works.failed().empty());
  EXPECT_EQ(works.connect_latency_us().count(), 2U);
  EXPECT_EQ(works.connect_latency_us().min(), 100);
  EXPECT_EQ(works.connect_latency_us().p50(), 100);
  EXPECT_EQ(works.connect_latency_us().p99(), 300);
  EXPECT_EQ(works.connect_latency_us().max(), 300);
  EXPECT_EQ(works.connect_latency_us().mean(), 200);
  EXPECT_EQ(works.resolution_us(), 300);
  EXPECT_THAT(works.options(), ElementsAre("ts", "sack", "wscale:7,7"));
  EXPECT_EQ(works.fields().at("snd_mss"), 1'448U);
  EXPECT_EQ(works.path_mtu().bytes(), 1'500U);
  const v1::ProbePath& fails = (*paths)[1];
  EXPECT_EQ(fails.connected(), 0U);
  EXPECT_EQ(fails.failed().at("refused"), 1U);
  EXPECT_EQ(fails.failed().at("timeout"), 1U);
  EXPECT_EQ(fails.single_tries_size(), 2);
  EXPECT_EQ(fails.connect_latency_us().count(), 0U);
  EXPECT_FALSE(fails.connect_latency_us().has_min());
}

TEST(ProbeAnswers, OfANameThatDoesNotResolveSayWhy) {
  const auto paths = PathsOf("a1", Request(), {Unresolved("no such name")}, /*is_whole=*/true);
  ASSERT_TRUE(paths.ok()) << paths.status();
  ASSERT_EQ(paths->size(), 1U);
  EXPECT_EQ((*paths)[0].address(), "");
  EXPECT_EQ((*paths)[0].resolution_error(), "no such name");
  EXPECT_EQ((*paths)[0].tries(), 0U);
}

TEST(ProbeAnswers, ThatWereCutOffAreWorthKeeping) {
  Answers answers = Whole();
  answers.resize(3);
  const auto paths = PathsOf("a1", Request(), answers, /*is_whole=*/false);
  ASSERT_TRUE(paths.ok()) << paths.status();
  EXPECT_EQ((*paths)[0].tries(), 1U);
  EXPECT_TRUE(PathsOf("a1", Request(), {}, /*is_whole=*/false)->empty());
}

TEST(ProbeAnswers, AreRefusedWhenNoAgentCanHaveMeantThem) {
  struct Case {
    const char* said;
    std::function<void(Answers&)> spoil;
  };
  const double infinite = std::numeric_limits<double>::infinity();
  for (const Case& one : {
           Case{"neither addresses nor why", [](Answers& all) { all.clear(); }},
           Case{"tries before addresses", [](Answers& all) { all.erase(all.begin()); }},
           Case{"its addresses twice", [](Answers& all) { all.push_back(all[0]); }},
           Case{"'web1' as an address", [](Answers& all) { all[0] = Resolved({"web1"}); }},
           Case{"'::0' as an address", [](Answers& all) { all[0] = Resolved({"::0"}); }},
           Case{"10.0.0.5 twice",
                [](Answers& all) {
                  all[0] = Resolved({"10.0.0.5", "10.0.0.5"});
                }},
           Case{"0 addresses, and no error", [](Answers& all) { all[0] = Resolved({}); }},
           Case{"2 addresses, and an error",
                [](Answers& all) { all[0].mutable_resolution()->set_error("none"); }},
           Case{"17 addresses",
                [](Answers& all) {
                  std::vector<std::string> many;
                  for (int i = 0; i < 17; ++i) many.push_back("10.0.1." + std::to_string(i));
                  all[0] = Resolved(many);
                }},
           Case{"the time of resolution",
                [=](Answers& all) { all[0].mutable_resolution()->set_duration_us(infinite); }},
           Case{"none of the addresses",
                [](Answers& all) { all[1].mutable_try_()->set_address("10.0.0.6"); }},
           Case{"try 2 after 0", [](Answers& all) { all[1].mutable_try_()->set_number(2); }},
           Case{"try 3 after 2",
                [](Answers& all) { all.push_back(Tried("10.0.0.5", 3, "connected")); }},
           Case{"1 of 2 tries of 10.0.0.5", [](Answers& all) { all.erase(all.begin() + 3); }},
           Case{"without an outcome", [](Answers& all) { all[1].mutable_try_()->set_outcome(""); }},
           Case{"as an outcome",
                [](Answers& all) { all[1].mutable_try_()->set_outcome("re\x1b[2Jfused"); }},
           Case{"as an outcome",
                [](Answers& all) { all[1].mutable_try_()->set_outcome(std::string(65, 'x')); }},
           Case{"the time of a try",
                [](Answers& all) { all[1].mutable_try_()->set_duration_us(-1); }},
           Case{"SYNs of one try",
                [](Answers& all) { all[1].mutable_try_()->set_syn_retransmits(256); }},
           Case{"a local address that is none",
                [](Answers& all) { all[1].mutable_try_()->set_local("somewhere"); }},
           Case{"options and",
                [](Answers& all) {
                  for (int i = 0; i < 20; ++i) all[1].mutable_try_()->add_options("sack");
                }},
           Case{"as an option", [](Answers& all) { all[1].mutable_try_()->add_options("a\nb"); }},
           Case{"fields of one socket",
                [](Answers& all) {
                  auto& fields = *all[1].mutable_try_()->mutable_fields();
                  for (int i = 0; i < 300; ++i) fields["field" + std::to_string(i)] = 1;
                }},
           Case{"two path MTUs", [](Answers& all) { all.push_back(all[5]); }},
           Case{"as a path MTU",
                [](Answers& all) { all[5].mutable_path_mtu()->set_bytes(100'000); }},
           Case{"as a path MTU", [](Answers& all) { all[5].mutable_path_mtu()->set_bytes(0); }},
           Case{"how a path MTU was found",
                [](Answers& all) { all[5].mutable_path_mtu()->set_detail("\t"); }},
       }) {
    Answers answers = Whole();
    one.spoil(answers);
    EXPECT_THAT(PathsOf("a1", Request(), answers, /*is_whole=*/true),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(one.said)));
  }
}

TEST(ProbeAnswers, AreOfTheFamilyThatWasAskedFor) {
  v1::ProbeRequest request = Request();
  request.set_family(v1::ProbeRequest::FAMILY_IPV4);
  EXPECT_THAT(PathsOf("a1", request, Whole(), /*is_whole=*/true),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("'fd00::5' as an address")));
}

}  // namespace
}  // namespace tcpfleet::controller
