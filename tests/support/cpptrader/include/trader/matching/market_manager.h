// A stand-in of ours for the few names of CppTrader that the benchmark's driver uses: a plain book
// with the same order of reports, so that the driver is compiled and checked without a checkout.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <unordered_map>
#include <vector>

namespace CppTrader {
namespace Matching {

enum class OrderSide : std::uint8_t { BUY, SELL };

struct Order {
    std::uint64_t Id, Price, LeavesQuantity;
    OrderSide Side;
    static Order Limit(std::uint64_t id, std::uint32_t, OrderSide side, std::uint64_t price,
                       std::uint64_t quantity) {
        return Order{id, price, quantity, side};
    }
};

struct Symbol {
    std::uint32_t Id;
    char Name[8];
    Symbol(std::uint32_t id, const char name[8]) : Id(id) { std::memcpy(Name, name, 8); }
};

class MarketHandler {
    friend class MarketManager;

public:
    virtual ~MarketHandler() = default;

protected:
    virtual void onExecuteOrder(const Order&, std::uint64_t, std::uint64_t) {}
};

struct LevelNode {
    std::uint64_t Price;
    std::list<Order> OrderList;
};

class OrderBook {
    friend class MarketManager;

public:
    const std::vector<LevelNode> bids() const { return levels(OrderSide::BUY); }
    const std::vector<LevelNode> asks() const { return levels(OrderSide::SELL); }

private:
    std::map<std::uint64_t, std::list<Order>> sides_[2];
    std::vector<LevelNode> levels(OrderSide side) const {
        std::vector<LevelNode> all;
        for (const auto& [price, orders] : sides_[static_cast<int>(side)]) {
            all.push_back(LevelNode{price, orders});
        }
        return all;
    }
};

class MarketManager {
public:
    explicit MarketManager(MarketHandler& handler) : handler_(handler) {}
    void AddSymbol(const Symbol&) {}
    void AddOrderBook(const Symbol&) {}
    void EnableMatching() {}
    const OrderBook* GetOrderBook(std::uint32_t) const { return &book_; }
    void AddOrder(const Order& order);
    void DeleteOrder(std::uint64_t id);
    void ReduceOrder(std::uint64_t id, std::uint64_t quantity);

private:
    MarketHandler& handler_;
    OrderBook book_;
    std::unordered_map<std::uint64_t, Order> live_;  // side and price of each
};

}  // namespace Matching
}  // namespace CppTrader
