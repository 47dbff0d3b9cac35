#pragma once

/// The library of feed_callback: prices for all who want to be called.

using PriceCallback = void (*)(int price);

void feed_subscribe(PriceCallback callback);
void feed_publish(int price);
const void* feed_lock();
