#include "controller/probe/address_owners.h"

#include <gmock/gmock.h>

#include "tests/unit/controller/probe/probe_samples.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

AgentTarget Agent(const std::string& address) {
  return {.name = address, .address = address, .labels = {}};
}

v1::ProbePath PathFrom(const std::string& local, const std::string& address) {
  v1::ProbePath path;
  path.set_address(address);
  *path.add_single_tries() = tests::Tried(address, 1, "refused", 10, local).try_();
  return path;
}

v1::KernelSnapshot SnapshotOf(const std::string& boot, uint64_t network_namespace) {
  v1::KernelSnapshot snapshot;
  snapshot.set_boot_id(boot);
  snapshot.add_namespaces()->set_network_namespace(network_namespace);
  return snapshot;
}

TEST(AddressOwners, KnowAddressesThatHostsUse) {
  AddressOwners owners;
  owners.AddPath(1, PathFrom("10.0.0.5:40000", "10.0.0.5"));
  owners.AddPath(2, PathFrom("10.0.0.2:40000", "10.0.0.5"));
  EXPECT_THAT(owners.OwnersOf("10.0.0.5", 2, ""), ElementsAre(1));
  EXPECT_THAT(owners.OwnersOf("10.0.0.2", 1, ""), IsEmpty()) << "it may be one of a translator";
}

TEST(AddressOwners, KnowAddressesThatAgentsAreCalledAt) {
  AddressOwners owners;
  owners.AddAgent(0, Agent("10.0.0.5:7117"));
  owners.AddAgent(1, Agent("[fd00::6]:7117"));
  owners.AddAgent(2, Agent("unix:/run/agent.sock"));
  owners.AddAgent(3, Agent("127.0.0.1:9000"));
  EXPECT_THAT(owners.OwnersOf("10.0.0.5", 2, ""), ElementsAre(0));
  EXPECT_THAT(owners.OwnersOf("fd00::6", 2, ""), ElementsAre(1));
  EXPECT_THAT(owners.OwnersOf("10.0.0.9", 2, ""), IsEmpty());
}

TEST(AddressOwners, KnowAddressesThatListenersAreBoundTo) {
  AddressOwners owners;
  v1::HostEvidence host = tests::ProbedHostEvidence("web3");
  tests::AddProbedListener(host, "10.0.0.7", 80);
  tests::AddProbedListener(host, "127.0.0.1", 80);
  owners.AddSnapshot(4, host.snapshots(1));
  EXPECT_THAT(owners.OwnersOf("10.0.0.7", 2, ""), ElementsAre(4));
  EXPECT_THAT(owners.OwnersOf("0.0.0.0", 2, ""), IsEmpty());
}

TEST(AddressOwners, GiveLoopbackToWhoeverTriesIt) {
  AddressOwners owners;
  owners.AddPath(1, PathFrom("127.0.0.1:40000", "127.0.0.1"));
  EXPECT_THAT(owners.OwnersOf("127.0.0.1", 2, ""), ElementsAre(2));
  EXPECT_THAT(owners.OwnersOf("127.5.5.5", 3, ""), ElementsAre(3));
  EXPECT_THAT(owners.OwnersOf("::1", 4, ""), ElementsAre(4));
}

TEST(AddressOwners, NameAllThatHaveAnAddressUnlessItIsOnesOwn) {
  AddressOwners owners;
  for (const size_t host : {0, 1}) {
    owners.AddPath(host, PathFrom("172.17.0.1:40000", "172.17.0.1"));
    owners.AddSnapshot(host, SnapshotOf("boot" + std::to_string(host), 1));
  }
  EXPECT_THAT(owners.OwnersOf("172.17.0.1", 1, ""), ElementsAre(1));
  EXPECT_THAT(owners.OwnersOf("172.17.0.1", 2, ""), ElementsAre(0, 1));
}

TEST(AddressOwners, CountAgentsInOneNamespaceOnce) {
  AddressOwners owners;
  for (const size_t host : {0, 1}) {
    owners.AddPath(host, PathFrom("10.0.0.5:40000", "10.0.0.5"));
    owners.AddSnapshot(host, SnapshotOf("boot", 1));
  }
  EXPECT_THAT(owners.OwnersOf("10.0.0.5", 2, ""), ElementsAre(0));
}

TEST(AddressOwners, TakeTheAgentOfThatNameWhenNothingElseIsKnown) {
  AddressOwners owners;
  owners.AddAgent(0, Agent("Web3.example:7117"));
  EXPECT_THAT(owners.OwnersOf("10.0.0.5", 1, "web3.EXAMPLE"), ElementsAre(0));
  owners.AddPath(2, PathFrom("10.0.0.5:40000", "10.0.0.5"));
  EXPECT_THAT(owners.OwnersOf("10.0.0.5", 1, "web3.example"), ElementsAre(2));
}

TEST(AddressOwners, KnowMappedAddresses) {
  AddressOwners owners;
  owners.AddAgent(0, Agent("10.0.0.5:7117"));
  EXPECT_THAT(owners.OwnersOf("::ffff:10.0.0.5", 1, ""), ElementsAre(0));
}

}  // namespace
}  // namespace tcpfleet::controller
