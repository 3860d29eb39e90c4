#include "agent/sysctl/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/sysctl/host_tree.h"

namespace tcpfleet::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

Found SomeFound() {
  return {.values = {{"net/ipv4/tcp_rmem", "4096\t131072\t33554432"},
                     {"net/ipv4/conf/odd\"\\\xff\tname/forwarding", ""}},
          .file = sys::DurableDirectory::File{"# one\nsha256\tx\n", 0600},
          .file_left = sys::DurableDirectory::File{"", 0644}};
}

class JournalTest : public ::testing::Test {
 protected:
  Journal Open() { return *Journal::Open(*sys::DurableDirectory::Open(directory_.path())); }
  std::string Begun(Journal& journal) {
    v1::SysctlTransaction transaction;
    EXPECT_THAT(journal.Begin(transaction, SomeFound()), IsOk());
    return transaction.id();
  }
  MemoryDirectory directory_;
};

TEST(Found, SurvivesTheDisk) {
  EXPECT_THAT(DecodeFound(EncodeFound(SomeFound())), IsOkAndHolds(SomeFound()));
  EXPECT_THAT(DecodeFound(EncodeFound({})), IsOkAndHolds(Found()));
}

TEST(Found, IsRefusedWhenAnyByteOfItIsAnother) {
  const std::string text = EncodeFound(SomeFound());
  for (size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_THAT(DecodeFound(damaged), StatusIs(absl::StatusCode::kDataLoss)) << at;
    EXPECT_THAT(DecodeFound(text.substr(0, at)), StatusIs(absl::StatusCode::kDataLoss)) << at;
  }
}

TEST_F(JournalTest, KeepsTransactionsNewestFirst) {
  Journal journal = Open();
  const std::string first = Begun(journal);
  const std::string second = Begun(journal);
  EXPECT_THAT(Open().Ids(), IsOkAndHolds(ElementsAre(second, first)));
  EXPECT_THAT(Open().ReadFound(first), IsOkAndHolds(SomeFound()));
  EXPECT_THAT(Open().ReadEffects(first), IsOkAndHolds(IsEmpty()));

  v1::SysctlChange effect;
  effect.set_key("net/ipv4/conf/all/forwarding");
  effect.set_old_value("0");
  effect.set_new_value("1");
  ASSERT_THAT(journal.SetEffects(first, {effect}), IsOk());
  const auto effects = Open().ReadEffects(first);
  ASSERT_THAT(effects, IsOkAndHolds(SizeIs(1)));
  EXPECT_EQ(effects->front().new_value(), "1");

  v1::SysctlTransaction transaction = *journal.Read(first);
  transaction.set_state(v1::SysctlTransaction::STATE_CONFIRMED);
  ASSERT_THAT(journal.SetState(transaction), IsOk());
  EXPECT_EQ(Open().Read(first)->state(), v1::SysctlTransaction::STATE_CONFIRMED);
}

TEST_F(JournalTest, KnowsNoOtherNames) {
  Journal journal = Open();
  for (const char* id : {"", "..", "../../etc", "00000001-0000000G", "1-2"}) {
    EXPECT_THAT(journal.Read(id), StatusIs(absl::StatusCode::kInvalidArgument)) << id;
  }
  EXPECT_THAT(journal.Read("00000001-00000000"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Journal::OpenExisting(directory_.path() + "/none"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JournalTest, RemovesWhatNeverBeganAndTheOldest) {
  Journal journal = Open();
  const std::string first = Begun(journal);
  fs::create_directories(directory_.path() + "/transactions/00000002-00000000");
  EXPECT_THAT(journal.Read("00000002-00000000"), StatusIs(absl::StatusCode::kNotFound));
  for (size_t i = 0; i + 1 < kMostTransactions; ++i) Begun(journal);
  EXPECT_THAT(journal.Ids(), IsOkAndHolds(SizeIs(kMostTransactions)));
  EXPECT_THAT(journal.Read(first), IsOk());
  Begun(journal);
  EXPECT_THAT(journal.Ids(), IsOkAndHolds(SizeIs(kMostTransactions)));
  EXPECT_THAT(journal.Read(first), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JournalTest, SaysWhichStateIsDamaged) {
  Journal journal = Open();
  const std::string id = Begun(journal);
  ASSERT_THAT(sys::WriteFile(directory_.path() + "/transactions/" + id + "/state", "{"), IsOk());
  EXPECT_THAT(journal.Read(id), StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace tcpfleet::agent
