#include "common/netlink/message.h"

#include <gtest/gtest.h>

#include <string>

namespace tcpfleet::netlink {
namespace {

Bytes BytesOfText(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::vector<std::byte> TwoMessages() {
  MessageBuilder one(20, 5), two(21, 6);
  one.Append(BytesOfText("abc"));
  two.AddAttribute(3, BytesOfText("hello"));
  const Bytes first = one.Finish(7), second = two.Finish(8);
  std::vector<std::byte> datagram(first.begin(), first.end());
  datagram.insert(datagram.end(), second.begin(), second.end());
  return datagram;
}

TEST(Message, RoundTripsThroughBuilderAndReaders) {
  const std::vector<std::byte> datagram = TwoMessages();
  MessageReader reader(datagram);
  std::optional<Message> message = reader.Next();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->type, 20);
  EXPECT_EQ(message->flags, 5);
  EXPECT_EQ(message->sequence, 7u);
  EXPECT_EQ(message->payload.size(), 4u);  // padded
  message = reader.Next();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->sequence, 8u);
  AttributeReader attributes(message->payload);
  const std::optional<Attribute> attribute = attributes.Next();
  ASSERT_TRUE(attribute.has_value());
  EXPECT_EQ(attribute->type, 3);
  EXPECT_EQ(attribute->payload, BytesOfText("hello"));
  EXPECT_FALSE(attributes.Next().has_value());
  EXPECT_TRUE(attributes.ok());
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_TRUE(reader.ok());
}

TEST(Message, ReadersStayInsideEveryTruncation) {
  const std::vector<std::byte> datagram = TwoMessages();
  for (size_t size = 0; size < datagram.size(); ++size) {
    const std::vector<std::byte> cut(datagram.begin(),
                                     datagram.begin() + static_cast<std::ptrdiff_t>(size));
    MessageReader reader(cut);
    size_t messages = 0;
    while (reader.Next()) ++messages;
    EXPECT_EQ(reader.ok(), size == 0 || size == 20) << size;
    EXPECT_EQ(messages, size >= 20 ? 1u : 0u) << size;
  }
}

TEST(Message, ReadersRefuseLengthsBelowTheirHeader) {
  nlmsghdr header{};
  header.nlmsg_len = sizeof(header) - 1;
  MessageReader messages(BytesOf(header));
  EXPECT_FALSE(messages.Next().has_value());
  EXPECT_FALSE(messages.ok());
  nlattr attribute{};  // length 0 would never end
  AttributeReader attributes(BytesOf(attribute));
  EXPECT_FALSE(attributes.Next().has_value());
  EXPECT_FALSE(attributes.ok());
}

TEST(Message, AttributeTypesComeWithoutFlags) {
  nlattr attribute{.nla_len = sizeof(nlattr), .nla_type = NLA_F_NESTED | 9};
  AttributeReader attributes(BytesOf(attribute));
  EXPECT_EQ(attributes.Next()->type, 9);
}

TEST(Message, LoadsOnlyWholeValues) {
  const uint32_t value = 77;
  EXPECT_EQ(Load<uint32_t>(BytesOf(value)), 77u);
  EXPECT_EQ(Load<uint64_t>(BytesOf(value)), std::nullopt);
}

}  // namespace
}  // namespace tcpfleet::netlink
