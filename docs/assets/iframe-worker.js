// Pages that are opened as files: browsers refuse workers there, and the search is one.
// An empty frame of the same page takes the worker's script instead. The name keeps the theme from fetching another.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      const inside = frame.contentWindow
      inside.postMessage = data => {
        const event = new MessageEvent("message", { data })
        this.dispatchEvent(event)
        this.onmessage?.(event)
      }
      const script = inside.document.createElement("script")
      this.loaded = new Promise((resolve, reject) => {
        script.onload = resolve
        script.onerror = reject
      })
      this.loaded.catch(error => this.onerror?.(error))
      script.src = new URL(url, location.href)
      inside.document.body.append(script)
      this.frame = frame
    }
    postMessage(data) {
      this.loaded.then(() => this.frame.contentWindow.onmessage?.(new MessageEvent("message", { data })))
    }
    terminate() {
      this.frame.remove()
    }
  }
