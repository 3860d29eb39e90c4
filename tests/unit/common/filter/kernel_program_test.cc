#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "tests/unit/common/filter/bytecode.h"
#include "tests/unit/common/filter/random_filter.h"
#include "tests/unit/common/filter/samples.h"

namespace tcpfleet::filter {
namespace {

using testing::IsEmpty;

using bytecode::Accepts;
using bytecode::IsWellFormed;
using bytecode::Program;

bool IsOfFamilies(const Filter& filter, const sockets::ConnectionSample& sample) {
  return (filter.Families() & (sample.identity.local.address.is_v4() ? kIpv4 : kIpv6)) != 0;
}

TEST(KernelProgram, SaysExactlyWhatFiltersOfSsSay) {
  RandomFilter random(2);
  size_t matches = 0;
  size_t questions = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string text = random.Text(/*kernel_only=*/true);
    const absl::StatusOr<Filter> filter = Filter::Parse(text);
    ASSERT_THAT(filter, tests::IsOk()) << text;
    const Program program = filter->KernelProgram();
    ASSERT_TRUE(IsWellFormed(program)) << text;
    for (int j = 0; j < 30; ++j, ++questions) {
      const sockets::ConnectionSample sample = random.Sample();
      const bool matches_it = filter->Matches(sample);
      ASSERT_EQ(Accepts(program, sample.identity), matches_it)
          << text << "\n"
          << sample.identity.local.ToString() << " " << sample.identity.remote.ToString();
      if (matches_it) ++matches;
    }
  }
  EXPECT_GT(matches, questions / 5);
  EXPECT_LT(matches, questions * 4 / 5);
}

TEST(KernelProgram, LetsEveryMatchPass) {
  RandomFilter random(3);
  size_t programs = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string text = random.Text(/*kernel_only=*/false);
    const Filter filter = *Filter::Parse(text);
    const Program program = filter.KernelProgram();
    ASSERT_TRUE(IsWellFormed(program)) << text;
    if (!program.empty()) ++programs;
    for (int j = 0; j < 30; ++j) {
      const sockets::ConnectionSample sample = random.Sample();
      if (!filter.Matches(sample)) continue;
      ASSERT_TRUE(Accepts(program, sample.identity)) << text;
      ASSERT_TRUE(IsOfFamilies(filter, sample)) << text;
    }
  }
  EXPECT_GT(programs, 100u);
}

TEST(KernelProgram, ServesSeveralFiltersAtOnce) {
  RandomFilter random(4);
  for (int i = 0; i < 400; ++i) {
    const Filter a = *Filter::Parse(random.Text(/*kernel_only=*/true));
    const Filter b = *Filter::Parse(random.Text(/*kernel_only=*/true));
    const Filter* both[] = {&a, &b};
    const Program program = KernelProgramForAny(both);
    ASSERT_TRUE(IsWellFormed(program));
    for (int j = 0; j < 30; ++j) {
      const sockets::ConnectionSample sample = random.Sample();
      ASSERT_EQ(Accepts(program, sample.identity), a.Matches(sample) || b.Matches(sample))
          << a.text() << "\n"
          << b.text();
    }
  }
  const Filter ports = *Filter::Parse("dport = :443");
  const Filter other = *Filter::Parse("rtt > 1ms");
  const Filter* mixed[] = {&ports, &other};
  EXPECT_THAT(KernelProgramForAny(mixed), IsEmpty());
}

TEST(KernelProgram, IsEmptyWhenTheKernelCanTellNothing) {
  for (const char* text : {"", "state established", "rtt > 1ms", "dport = :443 or rtt > 1ms",
                           "src *", "sport >= 0", "fwmark = 1", "cgroup = /"}) {
    EXPECT_THAT(Filter::Parse(text)->KernelProgram(), IsEmpty()) << text;
  }
}

TEST(KernelProgram, JudgesTheKernelsPartOfAConjunction) {
  const Program program =
      Filter::Parse("state established rtt > 20ms dport = :443 process = nginx")->KernelProgram();
  EXPECT_TRUE(Accepts(program, Web().identity));
  EXPECT_FALSE(Accepts(program, Sample("10.0.0.1:1", "10.0.0.2:80").identity));
}

TEST(KernelProgram, RejectsEverythingWhenNothingCanMatch) {
  for (const char* text : {"exclude all", "sport < 0", "dport > 65535"}) {
    const Program program = Filter::Parse(text)->KernelProgram();
    ASSERT_TRUE(IsWellFormed(program));
    EXPECT_FALSE(Accepts(program, Web().identity)) << text;
  }
}

TEST(KernelProgram, GivesUpBeyondItsBound) {
  std::string text = "dport = 1";
  for (int i = 2; i <= 511; ++i) absl::StrAppend(&text, "|dport=", i);
  const Filter all = *Filter::Parse(text);
  EXPECT_THAT(all.KernelProgram(), testing::SizeIs(testing::Le(kMostProgramBytes)));
  text = "src [::1]";
  for (int i = 2; i <= 400; ++i) absl::StrAppend(&text, "|src [::", i, "]");
  EXPECT_THAT(Filter::Parse(text)->KernelProgram(), IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::filter
