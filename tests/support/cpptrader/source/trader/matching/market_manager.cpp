#include "trader/matching/market_manager.h"

namespace CppTrader {
namespace Matching {

void MarketManager::AddOrder(const Order& order) {
    Order incoming = order;
    auto& others = book_.sides_[order.Side == OrderSide::BUY ? 1 : 0];
    while (incoming.LeavesQuantity > 0 && !others.empty()) {
        const bool buys = order.Side == OrderSide::BUY;
        auto best = buys ? others.begin() : std::prev(others.end());
        if (buys ? best->first > order.Price : best->first < order.Price) break;
        const Order maker = best->second.front();
        const std::uint64_t traded = std::min(incoming.LeavesQuantity, maker.LeavesQuantity);
        handler_.onExecuteOrder(maker, maker.Price, traded);
        ReduceOrder(maker.Id, traded);
        handler_.onExecuteOrder(incoming, maker.Price, traded);
        incoming.LeavesQuantity -= traded;
    }
    if (incoming.LeavesQuantity == 0) return;
    book_.sides_[static_cast<int>(order.Side)][order.Price].push_back(incoming);
    live_.emplace(order.Id, incoming);
}

void MarketManager::DeleteOrder(std::uint64_t id) { ReduceOrder(id, ~std::uint64_t{0}); }

void MarketManager::ReduceOrder(std::uint64_t id, std::uint64_t quantity) {
    const auto found = live_.find(id);
    if (found == live_.end()) return;
    auto& side = book_.sides_[static_cast<int>(found->second.Side)];
    const auto level = side.find(found->second.Price);
    auto& queue = level->second;
    const auto at = std::find_if(queue.begin(), queue.end(),
                                 [id](const Order& order) { return order.Id == id; });
    if (at->LeavesQuantity > quantity) {
        at->LeavesQuantity -= quantity;
        return;
    }
    queue.erase(at);
    if (queue.empty()) side.erase(level);
    live_.erase(found);
}

}  // namespace Matching
}  // namespace CppTrader
