package com.google.firebase.messaging

import android.app.Service
import android.content.Intent
import android.os.IBinder

abstract class FirebaseMessagingService : Service() {
  open fun onNewToken(token: String) {}
  open fun onMessageReceived(message: RemoteMessage) {}
  override fun onBind(intent: Intent?): IBinder? = null
}

class RemoteMessage private constructor(val data: Map<String, String>)
